import BerthCore
import BerthManifest
import BerthPlan

/// What was found at one manifest path: what counts of it, not its text.
public struct ManifestFile: Sendable {
  /// Whose manifest it is, where that can be told.
  let key: PodKey?
  /// nil if there is any error.
  let good: DesiredPod?
  let problem: ManifestProblem?
  /// Ports that it asks for and others have, when it was read.
  let taken: [TakenPort]
  /// Changes whenever the file does.
  public var identity: FileIdentity
  /// Of the files that it takes content from, by path; nil for one that wasn't there.
  public var contents: [String: FileIdentity?]

  public init(
    _ manifest: DecodedManifest, identity: FileIdentity, contents: [String: FileIdentity?] = [:], taken: [TakenPort] = []
  ) {
    key = manifest.key
    // Copied once: what is decoded is large.
    good = manifest.hash.flatMap { hash in manifest.spec.map { DesiredPod(spec: $0, hash: hash) } }
    problem = ManifestProblem(manifest)
    (self.identity, self.contents, self.taken) = (identity, contents, taken)
  }

  /// It couldn't be read, or may not be used: why, for status.
  public init(refused reason: String, identity: FileIdentity) {
    (key, good, problem) = (nil, nil, ManifestProblem(message: reason))
    (self.identity, contents, taken) = (identity, [:], [])
  }
}

/// Enough of stat(2) to see that a file was replaced or rewritten.
public struct FileIdentity: Hashable, Sendable {
  public var device: UInt64
  public var inode: UInt64
  public var size: Int64
  public var modifiedNanoseconds: Int64
  public var changedNanoseconds: Int64

  /// No file's: what has it is read at every scan.
  static let unknown = FileIdentity(device: 0, inode: 0, size: 0, modifiedNanoseconds: 0, changedNanoseconds: 0)
}

/// What is wrong with the manifest of a pod, while the last good spec (if any) stays in force.
public struct ManifestProblem: Hashable, Sendable {
  /// One line: what, where, what to do.
  public var message: String
  public var diagnostics: [Diagnostic]
  public init(message: String, diagnostics: [Diagnostic] = []) {
    self.message = message
    self.diagnostics = diagnostics
  }

  /// nil where there is no error.
  init?(_ manifest: DecodedManifest) {
    let errors = manifest.diagnostics.filter { $0.severity == .error }
    guard let first = errors.first else { return nil }
    let more = errors.count > 1 ? " (and \(errors.count - 1) more)" : ""
    self.init(message: "\(first.summary)\(more)", diagnostics: manifest.shownDiagnostics)
  }
}
