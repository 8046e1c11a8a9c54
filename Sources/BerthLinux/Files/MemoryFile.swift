import CBerthSys
import Glibc

/// A file without a name, for interfaces that write to a descriptor. Source: memfd_create(2).
public struct MemoryFile: ~Copyable {
  public let file: FD

  public init(_ name: String) throws(Errno) { file = FD(owning: try call { berth_memfd(name) }) }

  /// All that was written.
  public borrowing func contents(limit: Int) throws(Errno) -> [UInt8] {
    let number = file.raw
    try call { lseek(number, 0, SEEK_SET) }
    return try file.readAll(limit: limit)
  }
}
