import BerthCore

/// What came of a manifest's bytes.
public struct DecodedManifest: Sendable {
  /// nil if there is any error.
  public var spec: PodSpec?
  /// Whose manifest it is, as far as can be told also where there are errors, so that they can be shown with the right pod.
  public var key: PodKey?
  /// Hexadecimal SHA-256 of the canonical content; nil if there is any error.
  public var hash: String?
  /// In the order of the file.
  public var diagnostics: [Diagnostic]
  /// As diagnostics name it.
  var file: String
  /// Where files of the node are named whose content counts: see `resolve`.
  var references: [ContentReference] = []
  /// Ports of the node that the pod takes, for comparing manifests.
  var claims: [PortClaim] = []
  /// Where the pod's name stands, or the beginning of the file.
  var nameRange: SourceRange
  /// Where `depends_on` stands.
  var dependencyRange = SourceRange(0, 0)
  /// Where each of the spec's dependencies stands.
  var dependencyRanges: [SourceRange] = []
  var source: SourceText
  /// Whether it is TOML at all.
  var isParsed = true

  public var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }
}

/// A manifest's bytes to a pod spec, with everything that is wrong with it reported at once.
public enum ManifestDecoder {
  /// `file` names the manifest in diagnostics, and the pod where it has no `name`. Relative paths in it start at `folder`, by default the
  /// folder of `file`: make that absolute for specs that will run.
  public static func decode(_ bytes: [UInt8], file: String, folder: String? = nil) -> DecodedManifest {
    let folder = folder ?? LexicalPath.folder(of: file)
    let document = TOMLDocument(parsing: bytes)
    var sink = DiagnosticSink(file: file, source: document.source)
    for error in document.errors { sink.add(error) }
    var checker = SchemaChecker(root: ManifestSchema.pod, sink: sink)
    checker.check(document.root)
    var decoder = PodDecoder(root: document.root, folder: folder, sink: checker.sink)
    let stem = stem(of: file)
    let key = decoder.key(stem: stem)
    // What is missing from a file that is broken may only have been skipped.
    let spec = document.errors.isEmpty ? decoder.pod(key: key, stem: stem) : nil
    let isGood = !decoder.sink.hasErrors
    var manifest = DecodedManifest(
      spec: isGood ? spec : nil, key: key, hash: isGood ? hash(document, folder: folder) : nil, diagnostics: decoder.sink.sorted,
      file: file, references: decoder.references, claims: decoder.claims,
      nameRange: document.root.entry("name")?.value.range ?? SourceRange(0, 0), source: document.source)
    manifest.dependencyRange = decoder.dependencyRange
    manifest.dependencyRanges = decoder.dependencyRanges
    manifest.isParsed = document.errors.isEmpty
    return manifest
  }

  private static func hash(_ document: TOMLDocument, folder: String) -> String {
    SHA256.hexDigest(CanonicalContent.bytes(document, folder: folder))
  }

  static func stem(of file: String) -> String {
    let name = LexicalPath.name(of: file)
    return name.hasSuffix(".toml") ? String(name.dropLast(5)) : name
  }
}
