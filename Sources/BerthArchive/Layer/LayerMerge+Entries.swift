import BerthLinux

extension LayerMerge {
  /// Anything but a directory.
  func add(
    _ name: PathBytes, _ status: FileStatus, from source: borrowing FD, to own: borrowing FD, at path: [PathBytes]
  ) throws(Errno) {
    if method == .link, try link(name, from: source, to: own) { return }
    if status.links > 1 {
      let inode = Inode(device: status.device, inode: status.inode)
      if let first = names[inode] {
        let directory = try TreeFiles.openDirectory(below: target, path: PathBytes(joining: first.path))
        return try TreeFiles.makeHardLink(from: directory, first.name, to: own, name)
      }
      names[inode] = (path, name)
    }
    switch status.kind {
    case .regular: try copyFile(name, status, from: source, to: own)
    case .symlink:
      try TreeFiles.makeSymlink(own, name, target: try TreeFiles.readLink(source, name))
      try giveLooks(to: own, name, status, of: source)
    default:
      try TreeFiles.makeNode(own, name, like: status)
      try TreeFiles.changeMode(own, name, mode: status.permissions)
      try giveLooks(to: own, name, status, of: source)
      if status.permissions & 0o7000 != 0 { try TreeFiles.changeMode(own, name, mode: status.permissions) }
    }
  }

  /// False where the file system doesn't do it, or no more names for this file.
  private func link(_ name: PathBytes, from source: borrowing FD, to own: borrowing FD) throws(Errno) -> Bool {
    do throws(Errno) {
      try TreeFiles.makeHardLink(from: source, name, to: own, name)
      return true
    } catch {
      guard [.crossDevice, .tooManyLinks, .notPermitted, .notSupported].contains(error) else { throw error }
      return false
    }
  }

  private func copyFile(_ name: PathBytes, _ status: FileStatus, from source: borrowing FD, to own: borrowing FD) throws(Errno) {
    let from = try TreeFiles.openFile(source, name)
    let to = try TreeFiles.createFile(own, name, mode: 0o600)
    try content.copy(from, to: to, size: status.size)
    try Self.giveLooks(of: from, status, to: to)
  }

  /// Of an open file or directory: owner, mode, extended attributes, time.
  static func giveLooks(of from: borrowing FD, to: borrowing FD) throws(Errno) { try giveLooks(of: from, try from.status(), to: to) }

  private static func giveLooks(of from: borrowing FD, _ status: FileStatus, to: borrowing FD) throws(Errno) {
    if status.uid != 0 || status.gid != 0 { try TreeFiles.changeOwner(to, uid: status.uid, gid: status.gid) }
    // After the owner, whose change clears set-id bits and file capabilities.
    try TreeFiles.changeMode(to, mode: status.permissions)
    for name in try TreeFiles.attributes(from) where isCopied(name) {
      guard let value = try TreeFiles.attribute(from, name) else { continue }
      do throws(Errno) { try TreeFiles.setAttribute(to, name, value) } catch { try tolerate(error, name) }
    }
    try TreeFiles.setModified(to, status.modified)
  }

  /// Of an entry that can't be opened without an effect.
  private func giveLooks(to own: borrowing FD, _ name: PathBytes, _ status: FileStatus, of source: borrowing FD) throws(Errno) {
    if status.uid != 0 || status.gid != 0 { try TreeFiles.changeOwner(own, name, uid: status.uid, gid: status.gid) }
    for attribute in try TreeFiles.attributes(source, name) where Self.isCopied(attribute) {
      guard let value = try TreeFiles.attribute(source, name, attribute) else { continue }
      do throws(Errno) { try TreeFiles.setAttribute(own, name, attribute, value) } catch { try Self.tolerate(error, attribute) }
    }
    try TreeFiles.setModified(own, name, status.modified)
  }

  /// What steers overlayfs, and Berth's own, means something at that one place alone.
  private static func isCopied(_ name: PathBytes) -> Bool {
    !["trusted.overlay.", "user.overlay.", "trusted.berth."].contains { name.bytes.starts(with: $0.utf8) }
  }

  /// As in unpacking: what the file system doesn't keep is lost, but not what changes what a program may do.
  private static func tolerate(_ error: Errno, _ name: PathBytes) throws(Errno) {
    guard error == .notSupported || error == .notPermitted, !name.bytes.elementsEqual("security.capability".utf8) else { throw error }
  }
}

extension FileStatus {
  var modified: TreeFiles.Time {
    TreeFiles.Time(seconds: modifiedNanoseconds / 1_000_000_000, nanoseconds: max(0, modifiedNanoseconds % 1_000_000_000))
  }
}
