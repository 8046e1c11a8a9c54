import Glibc

/// How full a file system is.
public struct DiskSpace: Sendable, Hashable {
  /// In bytes.
  public var capacity: Int64
  /// For anybody, without what is reserved for root.
  public var available: Int64

  public init(capacity: Int64, available: Int64) {
    self.capacity = capacity
    self.available = available
  }

  /// Of the file system that holds `path`.
  public static func of(_ path: String) throws(Errno) -> DiskSpace {
    var status = statvfs()
    try call { statvfs(path, &status) }
    let unit = Int64(clamping: status.f_frsize)
    func bytes(_ blocks: fsblkcnt_t) -> Int64 {
      let (product, overflow) = Int64(clamping: blocks).multipliedReportingOverflow(by: unit)
      return overflow ? .max : product
    }
    return DiskSpace(capacity: bytes(status.f_blocks), available: bytes(status.f_bavail))
  }

  /// As a kubelet reckons: what isn't available is used.
  public var usedPercent: Int { capacity == 0 ? 0 : 100 - Int(available / max(1, capacity / 100)) }
}

extension Files {
  /// Makes a file of `size` bytes whose blocks are on the disk already. Removes it again where they aren't to be had (ENOSPC).
  public static func allocate(_ path: String, size: Int64) throws(Errno) {
    let file = try open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW)
    let code = posix_fallocate(file.raw, 0, off_t(size))
    guard code != 0 else { return }
    try unlink(path)
    throw Errno(code)
  }
}
