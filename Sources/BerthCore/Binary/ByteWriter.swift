/// Builds a binary message: little-endian integers, length-prefixed texts and byte strings, and records that may grow at their end.
public struct ByteWriter: Sendable {
  @usableFromInline var storage: [UInt8] = []

  /// What was written so far.
  public var bytes: [UInt8] { storage }

  public init(reserving capacity: Int = 0) {
    if capacity > 0 { storage.reserveCapacity(capacity) }
  }

  // The generic functions are inlinable so that they are specialised where they are called: a shim that never looks a generic type up
  // at run time has some tens of kilobytes less of its own.

  /// At most 64 bits wide.
  @inlinable
  public mutating func integer<Value: FixedWidthInteger>(_ value: Value) {
    little(UInt64(truncatingIfNeeded: value), count: Value.bitWidth / 8)
  }

  @usableFromInline
  mutating func little(_ value: UInt64, count: Int) {
    var rest = value
    for _ in 0..<count {
      storage.append(UInt8(truncatingIfNeeded: rest))
      rest >>= 8
    }
  }

  public mutating func bool(_ value: Bool) { storage.append(value ? 1 : 0) }

  /// A 32-bit count and the bytes.
  @inlinable
  public mutating func data(_ value: some Collection<UInt8>) {
    integer(UInt32(clamping: value.count))
    storage.append(contentsOf: value)
  }

  /// UTF-8, as `data`.
  public mutating func text(_ value: String) {
    var copy = value
    copy.withUTF8 { data($0) }
  }

  /// A presence byte, then the value if there is one.
  @inlinable
  public mutating func optional<Value>(_ value: Value?, _ write: (Value, inout ByteWriter) -> Void) {
    bool(value != nil)
    if let value { write(value, &self) }
  }

  /// A 32-bit count and the elements.
  @inlinable
  public mutating func list<Values: Collection>(_ values: Values, _ write: (Values.Element, inout ByteWriter) -> Void) {
    integer(UInt32(clamping: values.count))
    for value in values { write(value, &self) }
  }

  /// Fields behind their length: a later version may append fields, which a reader of today passes over.
  public mutating func record(_ write: (inout ByteWriter) -> Void) {
    let start = storage.count
    integer(UInt32(0))
    write(&self)
    let length = UInt32(clamping: storage.count - start - 4)
    for at in 0..<4 { storage[start + at] = UInt8(truncatingIfNeeded: length >> UInt32(at * 8)) }
  }
}
