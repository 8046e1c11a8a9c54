/// Builds a binary message: little-endian integers, length-prefixed texts and byte strings, and records that may grow at their end.
public struct ByteWriter: Sendable {
  /// What was written so far.
  public private(set) var bytes: [UInt8]

  public init(reserving capacity: Int = 0) {
    bytes = []
    if capacity > 0 { bytes.reserveCapacity(capacity) }
  }

  public mutating func integer<Value: FixedWidthInteger>(_ value: Value) {
    for shift in stride(from: 0, to: Value.bitWidth, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> Value(shift))) }
  }

  public mutating func bool(_ value: Bool) { bytes.append(value ? 1 : 0) }

  /// A 32-bit count and the bytes.
  public mutating func data(_ value: some Collection<UInt8>) {
    integer(UInt32(clamping: value.count))
    bytes.append(contentsOf: value)
  }

  /// UTF-8, as `data`.
  public mutating func text(_ value: String) {
    var copy = value
    copy.withUTF8 { data($0) }
  }

  /// A presence byte, then the value if there is one.
  public mutating func optional<Value>(_ value: Value?, _ write: (Value, inout ByteWriter) -> Void) {
    bool(value != nil)
    if let value { write(value, &self) }
  }

  /// A 32-bit count and the elements.
  public mutating func list<Values: Collection>(_ values: Values, _ write: (Values.Element, inout ByteWriter) -> Void) {
    integer(UInt32(clamping: values.count))
    for value in values { write(value, &self) }
  }

  /// Fields behind their length: a later version may append fields, which a reader of today passes over.
  public mutating func record(_ write: (inout ByteWriter) -> Void) {
    let start = bytes.count
    integer(UInt32(0))
    write(&self)
    let length = UInt32(clamping: bytes.count - start - 4)
    for at in 0..<4 { bytes[start + at] = UInt8(truncatingIfNeeded: length >> UInt32(at * 8)) }
  }
}
