extension DecodedManifest {
  /// As status, events and logs show them: without lines that may hold a secret. Whoever can read the file sees all of it by
  /// `berth validate`.
  public var shownDiagnostics: [Diagnostic] { shown(diagnostics) }

  /// As above, of what was found out later about this manifest.
  public func shown(_ diagnostics: [Diagnostic]) -> [Diagnostic] {
    let secret = SecretLines(source, isParsed: isParsed)
    return diagnostics.map { diagnostic in
      var diagnostic = diagnostic
      if secret.contains(diagnostic.position.line) { diagnostic.sourceLine = nil }
      return diagnostic
    }
  }
}

/// The lines of a manifest that may be part of a secret's content: from one that speaks of a secret to the next table that doesn't. In a
/// file that is no TOML nobody knows where a text ends: then every line from there on.
struct SecretLines {
  private var lines: Set<Int> = []

  init(_ source: SourceText, isParsed: Bool) {
    var isSecret = false
    let text = String(decoding: source.bytes, as: UTF8.self)
    for (at, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if line.contains("secret") { isSecret = true } else if isParsed, line.hasPrefix("[") { isSecret = false }
      if isSecret { lines.insert(at + 1) }
    }
  }

  func contains(_ line: Int) -> Bool { lines.contains(line) }
}
