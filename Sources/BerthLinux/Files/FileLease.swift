import Glibc

/// Flags of open(2) for modules that don't import the C library.
public enum FileFlags {
  public static let read = O_RDONLY
  public static let write = O_WRONLY
  public static let readWrite = O_RDWR
  public static let create = O_CREAT
  public static let exclusive = O_EXCL
  public static let append = O_APPEND
  public static let truncate = O_TRUNC
  public static let directory = O_DIRECTORY
  public static let noFollow = O_NOFOLLOW
  public static let nonBlocking = O_NONBLOCK
  /// O_PATH, which the importer doesn't see.
  public static let path: Int32 = 0o10000000
}

/// Reading a file only while nobody writes it. Source: fcntl(2) "Leases".
public enum FileLease {
  /// From linux/fcntl.h: F_LINUX_SPECIFIC_BASE is 1024.
  private static let setLease: Int32 = 1024
  private static let getLease: Int32 = 1025
  /// F_SETSIG, which the importer doesn't see.
  private static let setSignal: Int32 = 10

  /// The whole content, or nil while somebody has the file open for writing. Where the file system has no leases, the file is read
  /// twice and must be the same both times. `size` is what the file had when it was looked at.
  public static func readQuiescent(_ file: consuming FD, size: Int64, limit: Int) throws(Errno) -> [UInt8]? {
    let number = file.raw
    // The kernel tells of a writer by a signal, SIGIO unless told otherwise, which ends a process that didn't expect it. SIGURG is
    // ignored by default, and the lease is asked for its state afterwards anyway.
    try call { fcntl(number, setSignal, SIGURG) }
    do throws(Errno) { try call { fcntl(number, setLease, F_RDLCK) } } catch {
      if error == .again { return nil }
      return try readTwice(file, limit: limit)
    }
    let bytes = try file.readAll(size: size, limit: limit)
    // A broken lease shows as a pending downgrade to none. It ends with the descriptor, here.
    return try call { fcntl(number, getLease) } == F_RDLCK ? bytes : nil
  }

  private static func readTwice(_ file: borrowing FD, limit: Int) throws(Errno) -> [UInt8]? {
    let before = try file.status()
    let first = try file.readAll(limit: limit)
    let number = file.raw
    try call { lseek(number, 0, SEEK_SET) }
    let second = try file.readAll(limit: limit)
    return try file.status() == before && first == second ? first : nil
  }
}
