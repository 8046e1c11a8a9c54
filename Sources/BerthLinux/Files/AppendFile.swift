import Glibc

/// Files that grow at their end.
public enum AppendFile {
  /// Makes the file if it isn't there; every write goes to its end whoever else writes.
  public static func open(_ path: String, mode: mode_t = 0o640) throws(Errno) -> FD {
    try Files.open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, mode: mode)
  }

  /// nil of an empty one.
  public static func lastByte(of path: String) throws(Errno) -> UInt8? {
    let file = try Files.openReadOnly(path)
    let size = try file.status().size
    var byte: UInt8 = 0
    let number = file.raw
    return try call { pread(number, &byte, 1, off_t(max(0, size - 1))) } == 1 ? byte : nil
  }

  /// Takes back what a failed write left; works on a full disk too.
  public static func truncate(_ file: borrowing FD, to size: Int64) { _ = ftruncate(file.raw, off_t(size)) }
}
