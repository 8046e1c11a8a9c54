import BerthLinux

/// How an unpacked layer says that it removes something of the layers below.
public enum LayerMarks: String, Sendable {
  /// overlayfs' own: a 0:0 device in the name's place, and `trusted.overlay.opaque` at a directory that hides the one below.
  case overlay
  /// By name, as the layer's archive has it: `.wh.NAME`, and `.wh..wh..opq` in a directory. For file systems that can't hold the former.
  case names

  static let prefix = ".wh.".utf8
  static let opaqueName = PathBytes(".wh..wh..opq")
  private static let opaqueAttribute = PathBytes("trusted.overlay.opaque")

  /// Has `directory` hide the one of the layers below.
  func makeOpaque(_ directory: borrowing FD) throws(Errno) {
    switch self {
    case .overlay: try TreeFiles.setAttribute(directory, Self.opaqueAttribute, "y".utf8)
    case .names: try Self.touch(directory, Self.opaqueName)
    }
  }

  public func isOpaque(_ directory: borrowing FD) throws(Errno) -> Bool {
    switch self {
    case .overlay: try TreeFiles.attribute(directory, Self.opaqueAttribute) != nil
    case .names: try Self.exists(directory, Self.opaqueName)
    }
  }

  /// Whether `directory` says that the layers below have no `name`.
  func hides(_ name: PathBytes, in directory: borrowing FD) throws(Errno) -> Bool {
    switch self {
    case .overlay:
      do throws(Errno) { return try TreeFiles.status(directory, name).isWhiteout } catch {
        if error == .notFound { return false }
        throw error
      }
    case .names:
      guard let mark = PathBytes(Array(Self.prefix) + name.bytes) else { return false }
      return try Self.exists(directory, mark)
    }
  }

  /// Whether a layer that has no directory `path` itself keeps the layers below from showing theirs.
  public func hide(_ path: PathBytes, in root: borrowing FD) throws(Errno) -> Bool {
    var here: [PathBytes] = []
    for component in path.bytes.split(separator: UInt8(ascii: "/")) {
      guard let name = PathBytes(component) else { return false }
      let directory: FD
      do throws(Errno) { directory = try TreeFiles.openDirectory(below: root, path: PathBytes(joining: here)) } catch {
        switch error {
        case .notFound: return false
        // Something else has the name.
        case .notDirectory, .loop: return true
        default: throw error
        }
      }
      if try hides(name, in: directory) { return true }
      if try isOpaque(directory) { return true }
      here.append(name)
    }
    return false
  }

  static func touch(_ directory: borrowing FD, _ name: PathBytes) throws(Errno) {
    do throws(Errno) { _ = try TreeFiles.createFile(directory, name, mode: 0o600) } catch { if error != .exists { throw error } }
  }

  private static func exists(_ directory: borrowing FD, _ name: PathBytes) throws(Errno) -> Bool {
    do throws(Errno) { return try TreeFiles.status(directory, name).kind == .regular } catch {
      // A mark whose name would be too long can't be there.
      if error == .notFound || error == Errno.nameTooLong { return false }
      throw error
    }
  }
}
