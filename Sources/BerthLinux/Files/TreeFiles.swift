import CBerthSys
import Glibc

/// Makes and changes single entries of a directory that is held open, by a name that is one component: nothing here follows a
/// symlink, whatever the tree's author put there.
public enum TreeFiles {
  public struct Time: Sendable, Hashable {
    public var seconds: Int64
    public var nanoseconds: Int64
    public init(seconds: Int64, nanoseconds: Int64 = 0) {
      self.seconds = seconds
      self.nanoseconds = nanoseconds
    }
    fileprivate var raw: timespec { timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds)) }
  }

  /// Fails with EEXIST if the name is there in any form.
  public static func createFile(_ directory: borrowing FD, _ name: PathBytes, mode: UInt32) throws(Errno) -> FD {
    let number = directory.raw
    return FD(
      owning: try call { name.withCString { openat(number, $0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode_t(mode)) } })
  }

  public static func makeDirectory(_ directory: borrowing FD, _ name: PathBytes, mode: UInt32) throws(Errno) {
    let number = directory.raw
    try call { name.withCString { mkdirat(number, $0, mode_t(mode)) } }
  }

  /// Fails with ELOOP or ENOTDIR if the entry itself is no directory.
  public static func openDirectory(_ directory: borrowing FD, _ name: PathBytes) throws(Errno) -> FD {
    let number = directory.raw
    return FD(owning: try call { name.withCString { openat(number, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) } })
  }

  public static func openFile(_ directory: borrowing FD, _ name: PathBytes) throws(Errno) -> FD {
    let number = directory.raw
    return FD(owning: try call { name.withCString { openat(number, $0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) } })
  }

  /// A directory by a path of several components below `root`, none of which may be a symlink.
  public static func openDirectory(below root: borrowing FD, path: PathBytes) throws(Errno) -> FD {
    let number = root.raw
    let flags = UInt64(UInt32(bitPattern: O_RDONLY | O_DIRECTORY | O_CLOEXEC))
    let resolve = UInt64(BERTH_RESOLVE_BENEATH | BERTH_RESOLVE_NO_SYMLINKS | BERTH_RESOLVE_NO_XDEV)
    for _ in 0..<128 {
      do throws(Errno) {
        return FD(owning: try call { path.withCString { berth_openat2(number, $0, flags, 0, resolve) } })
      } catch { if error != .again { throw error } }
    }
    throw .again
  }

  public static func status(_ directory: borrowing FD, _ name: PathBytes) throws(Errno) -> FileStatus {
    var buffer = stat()
    let number = directory.raw
    try call { name.withCString { fstatat(number, $0, &buffer, AT_SYMLINK_NOFOLLOW) } }
    return FileStatus(buffer)
  }

  public static func makeSymlink(_ directory: borrowing FD, _ name: PathBytes, target: PathBytes) throws(Errno) {
    let number = directory.raw
    try call { target.withCString { target in name.withCString { symlinkat(target, number, $0) } } }
  }

  public static func readLink(_ directory: borrowing FD, _ name: PathBytes) throws(Errno) -> PathBytes {
    let number = directory.raw
    var failure: Errno?
    let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, filled in
      do throws(Errno) {
        filled = try call { name.withCString { path in buffer.baseAddress.map { readlinkat(number, path, $0, 4096) } ?? -1 } }
      } catch { failure = error }
    }
    if let failure { throw failure }
    guard let target = PathBytes(bytes) else { throw .invalid }
    return target
  }

  /// A hard link to the entry itself, also where that is a symlink.
  public static func makeHardLink(
    from source: borrowing FD, _ sourceName: PathBytes, to directory: borrowing FD, _ name: PathBytes
  ) throws(Errno) {
    let (from, to) = (source.raw, directory.raw)
    try call { sourceName.withCString { old in name.withCString { linkat(from, old, to, $0, 0) } } }
  }

  public enum Node: Sendable, Hashable {
    case fifo
    case character(major: UInt32, minor: UInt32)
    case block(major: UInt32, minor: UInt32)
    /// What overlayfs takes for "removed here".
    public static let whiteout = Node.character(major: 0, minor: 0)
  }

  public static func makeNode(_ directory: borrowing FD, _ name: PathBytes, _ node: Node, mode: UInt32) throws(Errno) {
    let number = directory.raw
    let (kind, device): (mode_t, dev_t) =
      switch node {
      case .fifo: (S_IFIFO, 0)
      case .character(let major, let minor): (S_IFCHR, berth_device(major, minor))
      case .block(let major, let minor): (S_IFBLK, berth_device(major, minor))
      }
    try call { name.withCString { mknodat(number, $0, kind | mode_t(mode), device) } }
  }

  /// A device, FIFO or socket as `other` is one.
  public static func makeNode(_ directory: borrowing FD, _ name: PathBytes, like other: FileStatus) throws(Errno) {
    let number = directory.raw
    let kind: mode_t
    switch other.kind {
    case .fifo: kind = S_IFIFO
    case .socket: kind = S_IFSOCK
    case .characterDevice: kind = S_IFCHR
    case .blockDevice: kind = S_IFBLK
    default: throw .invalid
    }
    try call { name.withCString { mknodat(number, $0, kind | mode_t(other.permissions & 0o777), dev_t(other.rdev)) } }
  }

  public static func changeOwner(_ directory: borrowing FD, _ name: PathBytes, uid: UInt32, gid: UInt32) throws(Errno) {
    let number = directory.raw
    try call { name.withCString { fchownat(number, $0, uid, gid, AT_SYMLINK_NOFOLLOW) } }
  }

  public static func changeOwner(_ file: borrowing FD, uid: UInt32, gid: UInt32) throws(Errno) {
    let number = file.raw
    try call { fchown(number, uid, gid) }
  }

  /// Not of a symlink, which has no mode (EOPNOTSUPP).
  public static func changeMode(_ directory: borrowing FD, _ name: PathBytes, mode: UInt32) throws(Errno) {
    let number = directory.raw
    try call { name.withCString { fchmodat(number, $0, mode_t(mode), AT_SYMLINK_NOFOLLOW) } }
  }

  public static func changeMode(_ file: borrowing FD, mode: UInt32) throws(Errno) {
    let number = file.raw
    try call { fchmod(number, mode_t(mode)) }
  }

  public static func setModified(_ directory: borrowing FD, _ name: PathBytes, _ time: Time) throws(Errno) {
    let number = directory.raw
    let times = [time.raw, time.raw]
    try call { name.withCString { utimensat(number, $0, times, AT_SYMLINK_NOFOLLOW) } }
  }

  public static func setModified(_ file: borrowing FD, _ time: Time) throws(Errno) {
    let number = file.raw
    let times = [time.raw, time.raw]
    try call { futimens(number, times) }
  }

  public static func unlink(_ directory: borrowing FD, _ name: PathBytes) throws(Errno) {
    let number = directory.raw
    try call { name.withCString { unlinkat(number, $0, 0) } }
  }

  public static func removeDirectory(_ directory: borrowing FD, _ name: PathBytes) throws(Errno) {
    let number = directory.raw
    try call { name.withCString { unlinkat(number, $0, AT_REMOVEDIR) } }
  }

  public static func rename(_ from: borrowing FD, _ name: PathBytes, to directory: borrowing FD, _ newName: PathBytes) throws(Errno) {
    let (old, new) = (from.raw, directory.raw)
    try call { name.withCString { name in newName.withCString { renameat(old, name, new, $0) } } }
  }

  /// The names in a directory but `.` and `..`, in the kernel's order.
  public static func list(_ directory: borrowing FD) throws(Errno) -> [PathBytes] {
    let number = directory.raw
    // A description of its own, so that the reading position is too.
    let own = try call { openat(number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard let stream = fdopendir(own) else {
      let error = Errno.current
      close(own)
      throw error
    }
    defer { closedir(stream) }
    var names: [PathBytes] = []
    errno = 0
    while let entry = readdir(stream) {
      let length = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { PathBytes(UnsafeRawBufferPointer(start: $0, count: strnlen($0, 256))) }
      }
      if let name = length, !name.bytes.elementsEqual(".".utf8), !name.bytes.elementsEqual("..".utf8) { names.append(name) }
      errno = 0
    }
    if errno != 0 { throw Errno.current }
    return names
  }

  /// Everything written to the file system that holds `file`, on stable storage: one call for any number of files.
  public static func syncFileSystem(_ file: borrowing FD) throws(Errno) {
    let number = file.raw
    try call { berth_syncfs(number) }
  }
}

/// Single calls on paths of the node itself.
extension Files {
  /// Fails with EEXIST if the name is there. `mode` is cut by the umask.
  public static func createDirectory(_ path: String, mode: UInt32) throws(Errno) { try call { mkdir(path, mode_t(mode)) } }

  /// Not through a symlink at the end of `path`.
  public static func setAttribute(_ path: String, _ attribute: PathBytes, _ value: some Collection<UInt8>) throws(Errno) {
    let bytes = Array(value)
    try call { attribute.withCString { attribute in bytes.withUnsafeBytes { berth_lsetxattr(path, attribute, $0.baseAddress, $0.count) } } }
  }

  public static func createSymlink(_ path: String, target: String) throws(Errno) { try call { symlink(target, path) } }

  public static func changeMode(_ path: String, mode: UInt32) throws(Errno) { try call { chmod(path, mode_t(mode)) } }

  public static func changeOwner(_ path: String, uid: UInt32, gid: UInt32) throws(Errno) { try call { lchown(path, uid, gid) } }
}
