import CBerthSys
import Glibc

/// Memory that is a file's pages, so that whoever maps the file after this process's death finds what it wrote; or nobody's but its own.
public final class MappedPages {
  public static let pageSize = 4096
  /// Of a file: not to be touched where it hasn't been reserved. Zeros at first.
  public let bytes: UnsafeMutableRawBufferPointer
  public let isFile: Bool

  /// Of this process alone.
  public init(size: Int) throws(Errno) {
    bytes = try Self.map(size, MAP_PRIVATE | MAP_ANONYMOUS, -1)
    isFile = false
  }

  /// `size` bytes, whole pages, of the file at `path`: of a new one with `create`, else of one that has that size.
  public init(file path: String, size: Int, create: Bool) throws(Errno) {
    let file = try Files.open(path, O_RDWR | O_NOFOLLOW | (create ? O_CREAT | O_TRUNC : 0))
    if create { try file.truncate(to: Int64(size)) }
    guard try file.status().size == Int64(size) else { throw .invalid }
    bytes = try Self.map(size, MAP_SHARED, file.raw)
    isFile = true
  }

  deinit { munmap(bytes.baseAddress, bytes.count) }

  private static func map(_ size: Int, _ flags: Int32, _ file: Int32) throws(Errno) -> UnsafeMutableRawBufferPointer {
    guard let base = mmap(nil, size, PROT_READ | PROT_WRITE, flags, file, 0), base != MAP_FAILED else { throw .current }
    return UnsafeMutableRawBufferPointer(start: base, count: size)
  }

  /// Makes sure that the file has these whole pages: without it, touching them on a full file system would end the process. Throws where
  /// there is no room, and on kernels before Linux 5.14.
  public func reserve(_ range: Range<Int>) throws(Errno) {
    guard isFile, let base = bytes.baseAddress, !range.isEmpty else { return }
    try call { berth_reserve_pages(base + range.lowerBound, range.count) }
  }

  /// These whole pages are the kernel's again, and read as zeros.
  public func giveBack(_ range: Range<Int>) {
    guard let base = bytes.baseAddress, !range.isEmpty else { return }
    let start = base + range.lowerBound
    if isFile { _ = berth_remove_pages(start, range.count) } else { madvise(start, range.count, MADV_DONTNEED) }
  }

  /// 64 bits at `offset`, a multiple of 8, as one store after all before it.
  public func store(_ value: UInt64, at offset: Int) {
    guard let base = bytes.baseAddress else { return }
    berth_store((base + offset).assumingMemoryBound(to: UInt64.self), value)
  }
}
