import BerthCore
import BerthLinux

/// Applies one layer's tar stream to a directory of its own, in the form that overlayfs stacks (or, by `LayerMarks.names`, `LayerMerge`).
///
/// The directory is empty at first, nobody else writes to it, and nobody can reach it but through its 0700 parents. Layers are
/// unpacked apart from each other, as Docker's overlay2 driver does: what a member means depends on its own layer alone. No
/// member reaches out of the directory:
/// - a member's directory is walked component by component by descriptor; nothing is ever opened by a path that could hold a symlink;
/// - `..` in a name is refused; a leading `/` means the layer's root;
/// - where a directory on the way is a relative symlink of this same layer that stays inside it (`lib -> usr/lib`), the member goes
///   where the link points; a link that is absolute or climbs out of the layer makes the layer invalid;
/// - a hard link's target must be in this layer, and is not followed if it is a symlink;
/// - whatever has the member's name already is removed first, never written through.
/// Sources: OCI image-spec layer.md; kernel Documentation/filesystems/overlayfs.rst "whiteouts and opaque directories".
public final class LayerUnpacker {
  public struct Limits: Sendable {
    /// Members of one layer.
    public var entries = 4_000_000
    /// Components of a path.
    public var depth = 256
    public init() {}
  }

  /// What was unpacked.
  public struct Result: Sendable {
    public var entries = 0
    /// Of all files' content, in bytes.
    public var bytes: Int64 = 0
    /// Directories that no member names but that members lie in, `.` being the root. Their mode and owner should be those of the layers below.
    public var impliedDirectories: [PathBytes] = []
    public init() {}
  }

  let root: FD
  let limits: Limits
  let marks: LayerMarks
  var result = Result()
  /// The directory that the last member was put into: archives are sorted by directory, so that most members find it open.
  var current: (path: [PathBytes], directory: LayerDirectory)?
  /// Directories' times, set at the end because making entries changes them.
  var times: [(path: [PathBytes], time: TreeFiles.Time)] = []
  /// See `Result.impliedDirectories`.
  var implied: Set<PathBytes> = [PathBytes(joining: [])]
  /// Whether a directory of this layer hands its group on to what is made in it.
  var inheritsGroup = false

  /// Takes over `root`, a descriptor of an empty directory.
  public init(root: consuming FD, marks: LayerMarks = .overlay, limits: Limits = Limits()) {
    self.root = root
    self.marks = marks
    self.limits = limits
  }

  /// Reads `tar` to its end. Call it once. On an error the directory holds a part of the layer and must be thrown away.
  public func unpack(_ tar: TarReader) throws(BerthError) -> Result {
    while let entry = try tar.next() {
      result.entries += 1
      guard result.entries <= limits.entries else {
        throw BerthError(.resourceExhausted, "unpack layer", cause: "it has more than \(limits.entries) members")
      }
      try apply(entry, tar)
    }
    try setTimes()
    result.impliedDirectories = implied.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    return result
  }

  private func apply(_ entry: TarEntry, _ tar: TarReader) throws(BerthError) {
    do throws(LayerFailure) { try place(entry, tar) } catch {
      let name = (PathBytes(entry.name) ?? PathBytes("(a name with NUL)")).description
      throw error.wrapped(member: name)
    }
  }

  private func place(_ entry: TarEntry, _ tar: TarReader) throws(LayerFailure) {
    var path = try components(entry.name)
    guard let name = path.popLast() else { return try applyToRoot(entry) }
    if name.bytes.starts(with: ".wh.".utf8) { return try placeWhiteout(name, in: path) }
    let directory = try open(path)
    switch entry.kind {
    case .file: try placeFile(entry, tar, name, in: directory)
    case .directory: try placeDirectory(entry, name, in: directory)
    case .symlink(let target): try placeSymlink(entry, target, name, in: directory)
    case .hardLink(let target): try placeHardLink(target, name, in: directory)
    case .characterDevice(let major, let minor):
      guard (major, minor) != (0, 0) else { throw .refused("a 0:0 character device is overlayfs' whiteout and may not come from a layer") }
      try placeNode(.character(major: major, minor: minor), entry, name, in: directory)
    case .blockDevice(let major, let minor): try placeNode(.block(major: major, minor: minor), entry, name, in: directory)
    case .fifo: try placeNode(.fifo, entry, name, in: directory)
    }
  }

  /// A member's name as components below the root; empty for the root itself.
  func components(_ name: [UInt8]) throws(LayerFailure) -> [PathBytes] {
    guard name.count <= TarLimits.nameBytes, !name.contains(0) else {
      throw .refused("the name is longer than 4096 bytes or has a NUL in it")
    }
    var path: [PathBytes] = []
    for part in name.split(separator: UInt8(ascii: "/")) where !part.elementsEqual(".".utf8) {
      guard !part.elementsEqual("..".utf8) else { throw .refused("the name has .. in it") }
      guard part.count <= 255, let component = PathBytes(part) else { throw .refused("a component of the name is longer than 255 bytes") }
      path.append(component)
    }
    guard path.count <= limits.depth else { throw .refused("the name has more than \(limits.depth) components") }
    return path
  }

  private func setTimes() throws(BerthError) {
    for (path, time) in times.reversed() {
      do throws(Errno) {
        let directory = try TreeFiles.openDirectory(below: root, path: PathBytes(joining: path))
        try TreeFiles.setModified(directory, time)
      } catch {
        // A later member has replaced it.
        if error == .notFound || error == .notDirectory || error == .loop { continue }
        throw LayerFailure.system(error).wrapped(member: PathBytes(joining: path).description)
      }
    }
  }
}

/// A directory held open, with what is known of it.
final class LayerDirectory {
  let fd: FD
  /// Where it really lies below the layer's root: no component of it is a symlink.
  let path: [PathBytes]

  init(_ fd: consuming FD, path: [PathBytes]) {
    self.fd = fd
    self.path = path
  }
}

/// Why a member can't be unpacked; wrapped once, with the member's name.
enum LayerFailure: Error {
  case system(Errno)
  case refused(String)
  /// Of reading the archive, which says enough itself.
  case archive(BerthError)

  func wrapped(member: String) -> BerthError {
    switch self {
    case .archive(let error): return error
    case .refused(let cause): return BerthError(.invalidArgument, "unpack layer", cause: "member \"\(member)\": \(cause)")
    case .system(let error):
      let code: ErrorCode =
        error == .noSpace || error == Errno.quotaExceeded ? .resourceExhausted : error == .notPermitted ? .permissionDenied : .dataLoss
      return BerthError(code, "unpack layer", cause: "member \"\(member)\": \(error)")
    }
  }
}
