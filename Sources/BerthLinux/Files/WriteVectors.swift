import Glibc

/// Pieces of memory that are written one after the other by writev(2).
public struct WriteVectors: ~Copyable {
  private let vectors: UnsafeMutableBufferPointer<iovec>
  public private(set) var count = 0

  public init(capacity: Int) { vectors = .allocate(capacity: capacity) }

  deinit { vectors.deallocate() }

  /// `piece` must stay valid until it is written. Empty ones take no room. There must be room.
  public mutating func add(_ piece: UnsafeRawBufferPointer) {
    guard piece.count > 0, count < vectors.count else { return }
    vectors[count] = iovec(iov_base: UnsafeMutableRawPointer(mutating: piece.baseAddress), iov_len: piece.count)
    count += 1
  }

  public mutating func clear() { count = 0 }

  /// The first `bytes` bytes are not to be written.
  public mutating func drop(_ bytes: Int) {
    var rest = bytes
    for at in 0..<count {
      let skipped = min(rest, vectors[at].iov_len)
      vectors[at].iov_base = vectors[at].iov_base.map { $0 + skipped }
      vectors[at].iov_len -= skipped
      rest -= skipped
    }
  }

  /// In as many calls as it takes. After an error a part may be written. Consumes the lengths: `clear` before the next use.
  public borrowing func writeAll(to file: borrowing FD) throws(Errno) {
    let number = file.raw
    var at = 0
    while at < count {
      var written = try call { writev(number, vectors.baseAddress.map { UnsafePointer($0 + at) }, Int32(clamping: count - at)) }
      while at < count, written >= vectors[at].iov_len {
        written -= vectors[at].iov_len
        at += 1
      }
      if written > 0, at < count {
        vectors[at].iov_base = vectors[at].iov_base.map { $0 + written }
        vectors[at].iov_len -= written
      }
    }
  }
}

extension UnsafeRawBufferPointer {
  /// Where `byte` first stands among the first `limit` bytes.
  public func firstByte(_ byte: UInt8, within limit: Int) -> Int? {
    guard let base = baseAddress, let found = memchr(base, Int32(byte), Swift.min(count, limit)) else { return nil }
    return UnsafeRawPointer(found) - base
  }
}
