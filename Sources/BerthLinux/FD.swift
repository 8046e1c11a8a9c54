import Glibc

/// An open file descriptor that this value owns: closed when it goes out of scope, unless `release`d. Always close-on-exec from its
/// creation on (every function of this module that opens one sets CLOEXEC in the same call).
public struct FD: ~Copyable, Sendable {
  /// The number, valid as long as the value lives.
  public let raw: Int32

  /// Takes over `raw`, which must be open and owned by nobody else.
  public init(owning raw: Int32) { self.raw = raw }

  deinit { Glibc.close(raw) }

  /// Gives the number away: the caller closes it.
  public consuming func release() -> Int32 {
    let number = raw
    discard self
    return number
  }

  /// A second descriptor of the same open file.
  public borrowing func duplicate() throws(Errno) -> FD {
    let number = raw
    return FD(owning: try call { fcntl(number, F_DUPFD_CLOEXEC, 3) })
  }

  public borrowing func setNonBlocking(_ on: Bool = true) throws(Errno) {
    let number = raw
    let flags = try call { fcntl(number, F_GETFL) }
    try call { fcntl(number, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) }
  }

  public borrowing func status() throws(Errno) -> FileStatus {
    var buffer = stat()
    let number = raw
    try call { fstat(number, &buffer) }
    return FileStatus(buffer)
  }

  /// As many bytes as one read(2) gives; empty at the end of the file.
  public borrowing func read(upTo count: Int) throws(Errno) -> [UInt8] {
    var failure: Errno?
    let number = raw
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      do throws(Errno) { filled = try call { Glibc.read(number, buffer.baseAddress, count) } } catch { failure = error }
    }
    if let failure { throw failure }
    return bytes
  }

  /// To the end of the file. Throws `.tooBig` past `limit` bytes.
  public borrowing func readAll(limit: Int) throws(Errno) -> [UInt8] {
    var all: [UInt8] = []
    let expected = (try? status().size).map { Int(clamping: $0) } ?? 0
    while true {
      let chunk = try read(upTo: max(4096, min(expected + 1 - all.count, 1 << 20)))
      if chunk.isEmpty { return all }
      all += chunk
      if all.count > limit { throw .tooBig }
    }
  }

  /// As `readAll`, of a regular file that had `size` bytes: one read(2), where it has them still.
  public borrowing func readAll(size: Int64, limit: Int) throws(Errno) -> [UInt8] {
    guard size > 0, size <= limit else { return try readAll(limit: limit) }
    // One byte more shows that there is none.
    let bytes = try read(upTo: Int(size) + 1)
    if bytes.count == size { return bytes }
    let rest = try readAll(limit: limit)
    guard bytes.count + rest.count <= limit else { throw .tooBig }
    return bytes + rest
  }

  /// All of `bytes`, in as many write(2) calls as it takes.
  @inlinable
  public borrowing func writeAll(_ bytes: some Collection<UInt8>) throws(Errno) { try writeAll(Array(bytes)) }

  /// All of `array`, in as many write(2) calls as it takes.
  public borrowing func writeAll(_ array: [UInt8]) throws(Errno) {
    var done = 0
    let number = raw
    while done < array.count {
      done += try call { array.withUnsafeBytes { Glibc.write(number, $0.baseAddress.map { $0 + done }, array.count - done) } }
    }
  }

  /// Data and metadata on stable storage.
  public borrowing func sync() throws(Errno) {
    let number = raw
    try call { fsync(number) }
  }
}

extension Optional where Wrapped == FD {
  /// The number of a descriptor that is there.
  public var descriptor: Int32? {
    switch self {
    case .some(let open): open.raw
    case .none: nil
    }
  }
}
