import BerthCore
import BerthLinux
import BerthManifest

/// Reads the files that a manifest takes content from, and remembers what they were.
struct ContentReader {
  private(set) var identities: [String: FileIdentity?] = [:]
  /// Whether one is being written: its close will be an event.
  private(set) var isUnfinished = false

  mutating func read(_ path: String) -> Result<FileContent, ContentProblem> {
    identities[path] = .some(nil)
    do throws(Errno) {
      let file = try Files.open(path, FileFlags.read | FileFlags.nonBlocking)
      let status = try file.status()
      identities[path] = FileIdentity(status)
      guard status.kind == .regular else { return .failure(ContentProblem("is not a regular file")) }
      guard status.size <= DecodedManifest.contentLimit else {
        return .failure(ContentProblem("is larger than \(DecodedManifest.contentLimit) bytes"))
      }
      guard let bytes = try FileLease.readQuiescent(file, size: status.size, limit: DecodedManifest.contentLimit) else {
        isUnfinished = true
        return .failure(ContentProblem("is being written"))
      }
      return .success(FileContent(bytes))
    } catch { return .failure(ContentProblem(error == .notFound ? "is not there" : "cannot be read: \(error)")) }
  }

  /// Whether any of these files is another than when it was read.
  static func differs(_ known: [String: FileIdentity?]) -> Bool {
    known.contains { path, identity in (try? Files.status(path)).map { FileIdentity($0) } != identity }
  }

  /// The contents of a spec that was kept on disk without them; nil where one can't be had any more.
  static func complete(_ spec: PodSpec) -> PodSpec? {
    var reader = ContentReader()
    return spec.completed { path in try? reader.read(path).get() }
  }
}

/// Manifests that aren't in the directory.
public enum ManifestSource {
  /// As the directory would take it: with the content of the files that it names.
  public static func decode(_ bytes: [UInt8], file: String) -> DecodedManifest {
    var manifest = ManifestDecoder.decode(bytes, file: file)
    var contents = ContentReader()
    manifest.resolve { contents.read($0) }
    return manifest
  }
}
