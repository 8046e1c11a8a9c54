import CBerthSys
import Glibc

extension DetachedMount {
  /// Shows the files of a detached mount with the ids that `namespace` gives them. Throws EINVAL where its file system can't.
  public static func map(_ mount: borrowing FD, by namespace: Int32, recursive: Bool) throws(Errno) {
    let mount = mount.raw
    try call { berth_map_mount(mount, namespace, recursive ? 1 : 0) }
  }

  /// A private copy of what is mounted at `path`, with the ids of an open user namespace.
  static func mapped(_ path: String, by namespace: Int32) throws(Errno) -> FD {
    let tree = try copy(path, recursive: false)
    try map(tree, by: namespace, recursive: false)
    return tree
  }

  /// A file system of `type` with nothing in it. Parameters without a value are flags. `attributes`: MOUNT_ATTR_*.
  public static func make(_ type: String, _ parameters: [(key: String, value: String?)], attributes: UInt32) throws(Errno) -> FD {
    let context = FD(owning: try call { berth_fsopen(type) })
    let number = context.raw
    for (key, value) in parameters {
      if let value {
        try call { berth_fsconfig_string(number, key, value) }
      } else {
        try call { berth_fsconfig_flag(number, key) }
      }
    }
    return FD(owning: try call { berth_fsmount(number, attributes) })
  }
}

extension Files {
  /// A node of `mode` (kind and permission bits, exactly) and device number, below a directory that is this process's own; so are the
  /// directories on the way, which are made.
  public static func makeNode(
    at directory: borrowing FD, _ path: String, mode: UInt32, device: UInt64, uid: UInt32, gid: UInt32,
    directories: (uid: UInt32, gid: UInt32)
  ) throws(Errno) {
    let number = directory.raw
    let parts = path.split(separator: "/")
    for count in 1..<max(1, parts.count) {
      let above = parts.prefix(count).joined(separator: "/")
      do throws(Errno) { try call { mkdirat(number, above, 0o755) } } catch {
        if error == .exists { continue }
        throw error
      }
      try call { fchmodat(number, above, 0o755, 0) }
      try call { fchownat(number, above, directories.uid, directories.gid, AT_SYMLINK_NOFOLLOW) }
    }
    let path = parts.joined(separator: "/")
    try call { mknodat(number, path, mode, dev_t(device)) }
    try call { fchmodat(number, path, mode & 0o7777, 0) }
    try call { fchownat(number, path, uid, gid, AT_SYMLINK_NOFOLLOW) }
  }

  /// Of what is open, if only as a path (AT_EMPTY_PATH).
  public static func changeOwner(_ file: borrowing FD, uid: UInt32, gid: UInt32) throws(Errno) {
    let number = file.raw
    try call { fchownat(number, "", uid, gid, 0x1000) }
  }
}
