import BerthArchive
import BerthCore
import BerthLinux

/// A directory that a layer brings only because a member lies in it hides the one below, mode and owner included, since overlayfs
/// shows the uppermost. So it takes those over from the layers below: what an image unpacked in one place would show.
enum ImpliedDirectories {
  /// `lower`: the directories of the layers below, topmost first.
  static func adopt(_ paths: [PathBytes], in layer: borrowing FD, from lower: [String], _ marks: LayerMarks) throws(Errno) {
    guard !paths.isEmpty, !lower.isEmpty else { return }
    var below = Lower(lower)
    for path in paths {
      let own = try TreeFiles.openDirectory(below: layer, path: path)
      if try marks.isOpaque(own) { continue }
      guard let status = try below.find(path, marks) else { continue }
      let before = try own.status()
      let modified = TreeFiles.Time(
        seconds: status.modifiedNanoseconds / 1_000_000_000, nanoseconds: max(0, status.modifiedNanoseconds % 1_000_000_000))
      // Most are root's and 0755, as the unpacker makes them.
      if (before.uid, before.gid) != (status.uid, status.gid) { try TreeFiles.changeOwner(own, uid: status.uid, gid: status.gid) }
      if before.permissions != status.permissions { try TreeFiles.changeMode(own, mode: status.permissions) }
      try TreeFiles.setModified(own, modified)
    }
  }

  /// The layers below, topmost first, each held open from its first use on.
  private struct Lower {
    private let paths: [String]
    private var roots: [LayerDirectory] = []

    init(_ paths: [String]) { self.paths = paths }

    /// The topmost directory of that path, unless a layer above it has something else there.
    mutating func find(_ path: PathBytes, _ marks: LayerMarks) throws(Errno) -> FileStatus? {
      for at in paths.indices {
        if at == roots.count { roots.append(LayerDirectory(try Files.open(paths[at], ContentFlags.directory))) }
        do throws(Errno) { return try TreeFiles.openDirectory(below: roots[at].fd, path: path).status() } catch {
          if error == .notFound {
            if try marks.hide(path, in: roots[at].fd) { return nil }
            continue
          }
          if error == .notDirectory || error == .loop { return nil }
          throw error
        }
      }
      return nil
    }
  }

  private final class LayerDirectory {
    let fd: FD
    init(_ fd: consuming FD) { self.fd = fd }
  }
}
