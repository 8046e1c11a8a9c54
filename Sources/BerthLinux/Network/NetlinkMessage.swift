/// A netlink request as it is put together: header, the family's own header, attributes. Source: netlink(7), rtnetlink(7).
public struct NetlinkMessage: Sendable {
  public private(set) var bytes: [UInt8]

  /// Request flags. Source: linux/netlink.h.
  public struct Flags: OptionSet, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    static let request = Flags(rawValue: 0x1)
    public static let acknowledge = Flags(rawValue: 0x4)
    public static let exclusive = Flags(rawValue: 0x200)
    public static let replace = Flags(rawValue: 0x100)
    public static let create = Flags(rawValue: 0x400)
    public static let dump = Flags(rawValue: 0x300)
  }

  static let headerSize = 16

  /// `header`: what the family puts before the attributes.
  public init(type: UInt16, flags: Flags = [], header: [UInt8]) {
    bytes = Self.raw(UInt32(0)) + Self.raw(type) + Self.raw(flags.union(.request).rawValue) + Self.raw(UInt32(0)) + Self.raw(UInt32(0))
    bytes += header
    pad()
    setLength()
  }

  /// A number as this machine stores it.
  public static func raw<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] { withUnsafeBytes(of: number) { Array($0) } }
  /// A number in network order.
  public static func big<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

  public mutating func attribute(_ type: UInt16, _ value: [UInt8]) {
    bytes += Self.raw(UInt16(clamping: value.count + 4)) + Self.raw(type) + value
    pad()
    setLength()
  }

  /// NUL-terminated.
  public mutating func attribute(_ type: UInt16, text: String) { attribute(type, Array(text.utf8) + [0]) }

  /// An attribute made of attributes; `header` stands before them where the kernel wants a struct there.
  public mutating func nested(_ type: UInt16, header: [UInt8] = [], _ body: (inout NetlinkMessage) -> Void) {
    let start = bytes.count
    bytes += Self.raw(UInt16(0)) + Self.raw(type | Self.nestedFlag) + header
    pad()
    body(&self)
    let length = Self.raw(UInt16(clamping: bytes.count - start))
    bytes.replaceSubrange(start..<start + 2, with: length)
    setLength()
  }

  private static let nestedFlag: UInt16 = 0x8000

  /// Attributes begin at multiples of four.
  private mutating func pad() { bytes += [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4) }

  private mutating func setLength() { bytes.replaceSubrange(0..<4, with: Self.raw(UInt32(clamping: bytes.count))) }

  mutating func setSequence(_ number: UInt32) { bytes.replaceSubrange(8..<12, with: Self.raw(number)) }
  mutating func askForAnswer() {
    let flags = UInt16(bytes[6]) | UInt16(bytes[7]) << 8 | Flags.acknowledge.rawValue
    bytes.replaceSubrange(6..<8, with: Self.raw(flags.littleEndian))
  }
}

/// The attributes in `bytes`, by type; of a repeated one the last. Nothing is trusted: what doesn't fit ends the list.
public struct NetlinkAttributes: Sendable {
  private var values: [UInt16: ArraySlice<UInt8>] = [:]

  public init(_ bytes: ArraySlice<UInt8>) {
    var at = bytes.startIndex
    while bytes.endIndex - at >= 4 {
      let length = Int(Self.number(bytes[at..<at + 2]))
      let type = UInt16(truncatingIfNeeded: Self.number(bytes[at + 2..<at + 4])) & 0x3FFF
      guard length >= 4, length <= bytes.endIndex - at else { return }
      values[type] = bytes[at + 4..<at + length]
      at += min((length + 3) & ~3, bytes.endIndex - at)
    }
  }

  public subscript(type: UInt16) -> [UInt8]? { values[type].map { Array($0) } }
  public func nested(_ type: UInt16) -> NetlinkAttributes? { values[type].map { NetlinkAttributes($0) } }
  public func text(_ type: UInt16) -> String? { values[type].map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) } }
  /// Of up to 8 bytes, as this machine stores numbers.
  public func number(_ type: UInt16) -> UInt64? { values[type].map { Self.number($0) } }

  static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    let ordered = 1.littleEndian == 1 ? Array(bytes.prefix(8).reversed()) : Array(bytes.prefix(8))
    return ordered.reduce(0) { $0 << 8 | UInt64($1) }
  }
}
