import Glibc

/// A number that this process and those it forks afterwards see alike. Source: mmap(2), MAP_SHARED.
public struct SharedNumber: ~Copyable, @unchecked Sendable {
  /// Valid as long as the value lives.
  public let pointer: UnsafeMutablePointer<Int32>
  private static let size = 4096

  public init() throws(Errno) {
    guard let page = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), page != MAP_FAILED else {
      throw Errno.current
    }
    pointer = page.assumingMemoryBound(to: Int32.self)
  }

  deinit { munmap(pointer, Self.size) }

  public var value: Int32 { pointer.pointee }
}
