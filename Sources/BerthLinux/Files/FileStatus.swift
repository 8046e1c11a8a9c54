import Glibc

/// What stat(2) tells of a file.
public struct FileStatus: Sendable, Hashable {
  public enum Kind: Sendable, Hashable { case regular, directory, symlink, fifo, socket, characterDevice, blockDevice, unknown }
  public var kind: Kind
  /// Permission bits with setuid, setgid and sticky.
  public var permissions: UInt32
  public var uid: UInt32
  public var gid: UInt32
  /// In bytes.
  public var size: Int64
  public var device: UInt64
  public var inode: UInt64
  public var links: UInt64
  /// What a device node stands for.
  public var rdev: UInt64
  public var modifiedNanoseconds: Int64
  public var changedNanoseconds: Int64
  /// On disk: holes don't count.
  public var allocatedBytes: Int64

  public init(_ raw: stat) {
    kind = Kind(mode: raw.st_mode)
    permissions = UInt32(raw.st_mode) & 0o7777
    uid = raw.st_uid
    gid = raw.st_gid
    size = Int64(raw.st_size)
    device = UInt64(raw.st_dev)
    inode = UInt64(raw.st_ino)
    links = UInt64(raw.st_nlink)
    rdev = UInt64(raw.st_rdev)
    allocatedBytes = Int64(raw.st_blocks) &* 512
    modifiedNanoseconds = Int64(raw.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(raw.st_mtim.tv_nsec)
    changedNanoseconds = Int64(raw.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(raw.st_ctim.tv_nsec)
  }
}

extension FileStatus.Kind {
  /// Of a mode as stat(2) has it.
  init(mode: mode_t) {
    self =
      switch mode & S_IFMT {
      case S_IFREG: .regular
      case S_IFDIR: .directory
      case S_IFLNK: .symlink
      case S_IFIFO: .fifo
      case S_IFSOCK: .socket
      case S_IFCHR: .characterDevice
      case S_IFBLK: .blockDevice
      default: .unknown
      }
  }
}
