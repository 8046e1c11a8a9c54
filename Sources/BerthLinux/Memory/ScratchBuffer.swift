import Glibc

/// Pages of anonymous memory for passing use: they cost nothing until they are written to, and can be given back without losing the address.
public struct ScratchBuffer: ~Copyable {
  public let bytes: UnsafeMutableRawBufferPointer

  /// `size` in bytes, a multiple of the page size.
  public init(size: Int) throws(Errno) {
    guard let base = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), base != MAP_FAILED else {
      throw Errno.current
    }
    bytes = UnsafeMutableRawBufferPointer(start: base, count: size)
  }

  deinit { munmap(bytes.baseAddress, bytes.count) }

  /// The kernel takes the pages back; they read as zero from now on.
  public borrowing func release() { madvise(bytes.baseAddress, bytes.count, MADV_DONTNEED) }

  /// As many bytes as one read(2) gives, at the start of the buffer; 0 at the end of the file, nil if there is nothing yet.
  public borrowing func fill(from number: Int32) throws(Errno) -> Int? {
    do throws(Errno) { return try call { Glibc.read(number, bytes.baseAddress, bytes.count) } } catch {
      if error == .again { return nil }
      throw error
    }
  }
}
