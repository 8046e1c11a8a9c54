import BerthLinux

/// Gives a volume that is there already to the pod's group.
enum VolumeGroup {
  /// Everything in it, unless its root has the group already: whoever changed that did the rest, too. Links are changed themselves,
  /// never followed.
  static func hand(_ path: String, to group: UInt32) throws(Errno) {
    let status = try Files.status(path)
    guard status.gid != group else { return }
    try descend(try Files.openDirectory(path), group, depth: 0)
    // The root last: until then the work isn't done.
    try Files.setOwner(path, uid: status.uid, gid: group)
    try Files.setMode(path, status.permissions | 0o2070)
  }

  private static let maximumDepth = 256

  private static func descend(_ directory: borrowing FD, _ group: UInt32, depth: Int) throws(Errno) {
    guard depth < maximumDepth else { throw .loop }
    for name in try TreeFiles.list(directory) {
      guard let status = try? TreeFiles.status(directory, name) else { continue }
      try TreeFiles.changeOwner(directory, name, uid: status.uid, gid: group)
      if status.kind == .directory { try descend(try TreeFiles.openDirectory(directory, name), group, depth: depth + 1) }
    }
  }
}
