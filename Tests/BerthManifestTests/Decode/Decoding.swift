import BerthManifest

/// Decodes a manifest text as `/m/web.toml`.
func decode(_ text: String, file: String = "/m/web.toml") -> DecodedManifest {
  ManifestDecoder.decode(Array(text.utf8), file: file)
}

/// `line:column: message` of every diagnostic, warnings marked.
func problems(_ text: String, file: String = "/m/web.toml") -> [String] {
  decode(text, file: file).diagnostics.map { "\($0.position): \($0.severity == .warning ? "warning: " : "")\($0.message)" }
}

/// What is wrong with `lines` in an otherwise good container.
func containerProblems(_ lines: String) -> [String] {
  problems("network = \"host\"\n[[container]]\nimage = \"a\"\n\(lines)\n")
}

/// What is wrong with `lines` at the top of an otherwise good pod.
func podProblems(_ lines: String) -> [String] {
  problems("\(lines)\nnetwork = \"host\"\n[[container]]\nimage = \"a\"\n")
}
