/// Why a binary message is unacceptable, and where.
public struct ByteReaderError: Error, Sendable, Equatable, CustomStringConvertible {
  public var message: String
  /// From 0, in bytes from the start of the message.
  public var offset: Int

  public init(_ message: String, offset: Int) {
    self.message = message
    self.offset = offset
  }

  public var description: String { "\(message) at byte \(offset)" }
}

/// Takes a message of `ByteWriter` apart. Every read is checked against what is left; hostile lengths and counts throw, never trap.
public struct ByteReader: Sendable {
  private let bytes: [UInt8]
  /// The next byte to be read.
  public private(set) var offset: Int
  private let end: Int

  public init(_ bytes: [UInt8]) {
    self.bytes = bytes
    offset = 0
    end = bytes.count
  }

  private init(_ bytes: [UInt8], from start: Int, to end: Int) {
    self.bytes = bytes
    offset = start
    self.end = end
  }

  /// Bytes not read yet.
  public var remaining: Int { end - offset }
  public var isAtEnd: Bool { offset >= end }

  /// An error that points at the cursor, for a value that was read but makes no sense.
  public func failure(_ message: String) -> ByteReaderError { ByteReaderError(message, offset: offset) }

  // Generic functions are inlinable for the reason that `ByteWriter` gives.

  /// At most 64 bits wide.
  @inlinable
  public mutating func integer<Value: FixedWidthInteger>(_: Value.Type = Value.self) throws(ByteReaderError) -> Value {
    Value(truncatingIfNeeded: try little(count: Value.bitWidth / 8))
  }

  @usableFromInline
  mutating func little(count: Int) throws(ByteReaderError) -> UInt64 {
    guard remaining >= count else { throw failure("ends too early") }
    var value: UInt64 = 0
    for at in 0..<count { value |= UInt64(bytes[offset + at]) << UInt64(at * 8) }
    offset += count
    return value
  }

  public mutating func bool() throws(ByteReaderError) -> Bool {
    let value = try integer(UInt8.self)
    guard value <= 1 else { throw failure("expected 0 or 1") }
    return value == 1
  }

  /// The bounds of the next `count` bytes, which are passed over.
  private mutating func take(_ count: UInt32, limit: Int) throws(ByteReaderError) -> Range<Int> {
    let size = Int(count)
    guard size <= limit else { throw failure("longer than \(limit) bytes") }
    guard size <= remaining else { throw failure("ends too early") }
    offset += size
    return offset - size..<offset
  }

  /// Throws past `limit` bytes.
  public mutating func data(limit: Int) throws(ByteReaderError) -> [UInt8] {
    let count = try integer(UInt32.self)
    return Array(bytes[try take(count, limit: limit)])
  }

  /// Valid UTF-8 without NUL of at most `limit` bytes.
  public mutating func text(limit: Int) throws(ByteReaderError) -> String {
    let raw = try data(limit: limit)
    guard !raw.contains(0) else { throw failure("NUL in a text") }
    guard let text = String(validUTF8: raw) else { throw failure("invalid UTF-8") }
    return text
  }

  @inlinable
  public mutating func optional<Value>(
    _ read: (inout ByteReader) throws(ByteReaderError) -> Value
  ) throws(ByteReaderError) -> Value? {
    try bool() ? try read(&self) : nil
  }

  /// Throws past `limit` elements.
  @inlinable
  public mutating func list<Value>(
    limit: Int, _ read: (inout ByteReader) throws(ByteReaderError) -> Value
  ) throws(ByteReaderError) -> [Value] {
    let count = try integer(UInt32.self)
    guard count <= limit else { throw failure("more than \(limit) elements") }
    var values: [Value] = []
    for _ in 0..<count { values.append(try read(&self)) }
    return values
  }

  /// Reads the fields that are known of a record and passes over those that a later version appended.
  @inlinable
  public mutating func record<Value>(
    _ read: (inout ByteReader) throws(ByteReaderError) -> Value
  ) throws(ByteReaderError) -> Value {
    var fields = try takeRecord()
    return try read(&fields)
  }

  /// A reader of the next record alone, which is passed over here.
  @usableFromInline
  mutating func takeRecord() throws(ByteReaderError) -> ByteReader {
    let range = try take(try integer(UInt32.self), limit: .max)
    return ByteReader(bytes, from: range.lowerBound, to: range.upperBound)
  }
}
