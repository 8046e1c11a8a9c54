import BerthCore
import BerthLinux

/// Bytes in order, taken by whoever reads. Used by one thread at a time.
public protocol ByteSource: AnyObject {
  /// Fills a part of `buffer`, which is never empty, and says how much; 0 only at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(BerthError) -> Int
}

/// A source whose bytes can be used where they lie, without a copy.
public protocol LendingSource: ByteSource {
  /// The next bytes, as many as are at hand; empty only at the end. They are valid until the next call of this or of `read`.
  func lend() throws(BerthError) -> UnsafeRawBufferPointer
}

/// Bytes in order, given to whoever takes them. Used by one thread at a time.
public protocol ByteSink: AnyObject {
  func write(_ bytes: UnsafeRawBufferPointer) throws(BerthError)
}

extension ByteSink {
  public func write(_ bytes: [UInt8]) throws(BerthError) {
    var failure: BerthError?
    bytes.withUnsafeBytes { buffer in
      do throws(BerthError) { try write(buffer) } catch { failure = error }
    }
    if let failure { throw failure }
  }
}

extension ByteSource {
  /// Reads to the end and drops it, so that what hashes the stream sees all of it.
  public func drain() throws(BerthError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    defer { buffer.deallocate() }
    while try read(into: buffer) > 0 {}
  }
}

/// The bytes of an open file, or a part of it. Doesn't use the file's own position.
public final class FileSource: ByteSource {
  private let file: FD
  /// Where the next read starts, in bytes from the file's start.
  private(set) var at: Int64
  private let end: Int64?

  /// `size` nil: to the end of the file.
  public init(_ file: consuming FD, offset: Int64 = 0, size: Int64? = nil) {
    self.file = file
    at = offset
    end = size.map { offset.addingReportingOverflow($0).partialValue }
  }

  /// Leaves out what the next `count` bytes would have been.
  func skip(_ count: Int64) { at = at.addingReportingOverflow(count).overflow ? .max : at + count }

  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(BerthError) -> Int {
    var part = buffer
    if let end {
      let left = Int(clamping: max(0, end - at))
      if left == 0 { return 0 }
      part = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(left))
    }
    do throws(Errno) {
      let count = try file.read(into: part, at: at)
      at += Int64(count)
      return count
    } catch { throw BerthError(.unavailable, "read file", cause: "\(error)") }
  }
}

/// The bytes of a pipe or a socket, or of a file from its own position on.
public final class StreamSource: ByteSource {
  private let stream: FD

  public init(_ stream: consuming FD) { self.stream = stream }

  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(BerthError) -> Int {
    do throws(Errno) { return try stream.read(into: buffer) } catch { throw BerthError(.unavailable, "read stream", cause: "\(error)") }
  }
}

/// Bytes that are in memory already.
public final class MemorySource: ByteSource {
  private let bytes: [UInt8]
  private var at = 0

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(BerthError) -> Int {
    let count = min(buffer.count, bytes.count - at)
    bytes.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[at..<at + count])) }
    at += count
    return count
  }
}

/// Writes to an open file at its position.
public final class FileSink: ByteSink {
  private let file: FD
  public private(set) var written: Int64 = 0

  public init(_ file: consuming FD) { self.file = file }

  public func write(_ bytes: UnsafeRawBufferPointer) throws(BerthError) {
    do throws(Errno) { try file.write(bytes) } catch {
      throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "write file", cause: "\(error)")
    }
    written += Int64(bytes.count)
  }

  public func sync() throws(BerthError) {
    do throws(Errno) { try file.sync() } catch { throw BerthError(.unavailable, "write file", cause: "\(error)") }
  }
}

/// Collects in memory.
public final class MemorySink: ByteSink {
  public private(set) var bytes: [UInt8] = []
  public init() {}
  public func write(_ bytes: UnsafeRawBufferPointer) throws(BerthError) { self.bytes += bytes }
  /// What was collected so far, which is then forgotten.
  public func take() -> [UInt8] {
    defer { bytes = [] }
    return bytes
  }
}

extension ByteSink {
  /// All that is left in `source`.
  public func copy(from source: any ByteSource) throws(BerthError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let count = try source.read(into: buffer)
      if count == 0 { return }
      try write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
  }
}

extension [UInt8] {
  /// `body` may change the bytes, not their number.
  public mutating func withBytes<Result, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var outcome: Swift.Result<Result, Failure>?
    withUnsafeMutableBytes { buffer in
      do throws(Failure) { outcome = .success(try body(buffer)) } catch { outcome = .failure(error) }
    }
    guard let outcome else { preconditionFailure("the closure above ran") }
    return try outcome.get()
  }
}
