import BerthArchive
import BerthCore
import BerthLinux

/// A directory that a layer brings only because a member lies in it hides the one below, mode and owner included, since overlayfs
/// shows the uppermost. So it takes those over from the layers below: what an image unpacked in one place would show.
enum ImpliedDirectories {
  /// `lower`: the directories of the layers below, topmost first.
  static func adopt(_ paths: [PathBytes], in layer: borrowing FD, from lower: [String], _ marks: LayerMarks) throws(Errno) {
    guard !paths.isEmpty, !lower.isEmpty else { return }
    for path in paths {
      let own = try TreeFiles.openDirectory(below: layer, path: path)
      if try marks.isOpaque(own) { continue }
      guard let status = try find(path, in: lower, marks) else { continue }
      let modified = TreeFiles.Time(
        seconds: status.modifiedNanoseconds / 1_000_000_000, nanoseconds: max(0, status.modifiedNanoseconds % 1_000_000_000))
      try TreeFiles.changeOwner(own, uid: status.uid, gid: status.gid)
      try TreeFiles.changeMode(own, mode: status.permissions)
      try TreeFiles.setModified(own, modified)
    }
  }

  /// The topmost directory of that path, unless a layer above it has something else there.
  private static func find(_ path: PathBytes, in lower: [String], _ marks: LayerMarks) throws(Errno) -> FileStatus? {
    for directory in lower {
      let root = try Files.open(directory, ContentFlags.directory)
      do throws(Errno) { return try TreeFiles.openDirectory(below: root, path: path).status() } catch {
        if error == .notFound {
          if try marks.hide(path, in: root) { return nil }
          continue
        }
        if error == .notDirectory || error == .loop { return nil }
        throw error
      }
    }
    return nil
  }
}
