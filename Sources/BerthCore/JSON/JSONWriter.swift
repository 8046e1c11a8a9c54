extension JSON {
  /// Compact UTF-8 text, members in their order. Non-finite doubles, which JSON cannot say, become null.
  public func encoded() -> [UInt8] {
    var out: [UInt8] = []
    write(to: &out, indent: nil)
    return out
  }

  /// The text for people: two spaces a level.
  public func pretty() -> String {
    var out: [UInt8] = []
    write(to: &out, indent: 0)
    return String(decoding: out, as: UTF8.self)
  }

  /// As `encoded`, with the members of every object sorted by key: equal values give equal bytes, for hashing.
  public func canonical() -> [UInt8] {
    var out: [UInt8] = []
    write(to: &out, indent: nil, sorted: true)
    return out
  }

  private func write(to out: inout [UInt8], indent: Int?, sorted: Bool = false) {
    switch self {
    case .null: out += Self.nullText
    case .bool(let flag): out += flag ? Self.trueText : Self.falseText
    case .integer(let number): out += String(number).utf8
    case .unsigned(let number): out += String(number).utf8
    case .double(let number): out += number.isFinite ? Array("\(number)".utf8) : Self.nullText
    case .string(let text): Self.write(text, to: &out)
    case .array(let items):
      Self.writeList(items, open: UInt8(ascii: "["), close: UInt8(ascii: "]"), to: &out, indent: indent) { item, out, level in
        item.write(to: &out, indent: level, sorted: sorted)
      }
    case .object(let object):
      let keys = object.keys
      let order = sorted ? keys.indices.sorted { keys[$0].utf8.lexicographicallyPrecedes(keys[$1].utf8) } : Array(keys.indices)
      Self.writeList(order, open: UInt8(ascii: "{"), close: UInt8(ascii: "}"), to: &out, indent: indent) { at, out, level in
        Self.write(keys[at], to: &out)
        out.append(58)
        if level != nil { out.append(32) }
        object.values[at].write(to: &out, indent: level, sorted: sorted)
      }
    }
  }

  private static let nullText = Array("null".utf8)
  private static let trueText = Array("true".utf8)
  private static let falseText = Array("false".utf8)

  private static func writeList<Element>(
    _ items: [Element], open: UInt8, close: UInt8, to out: inout [UInt8], indent: Int?, _ each: (Element, inout [UInt8], Int?) -> Void
  ) {
    out.append(open)
    let inner = indent.map { $0 + 1 }
    for (at, item) in items.enumerated() {
      if at > 0 { out.append(44) }
      newline(inner, to: &out)
      each(item, &out, inner)
    }
    if !items.isEmpty { newline(indent, to: &out) }
    out.append(close)
  }

  private static func newline(_ level: Int?, to out: inout [UInt8]) {
    guard let level else { return }
    out.append(10)
    out += repeatElement(32, count: level * 2)
  }

  /// Appends `text` as a JSON string.
  public static func write(_ text: String, to out: inout [UInt8]) {
    var text = text
    out.append(34)
    text.withUTF8 { bytes in
      var run = 0
      for at in bytes.indices where needsEscape(bytes[at]) {
        out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[run..<at]))
        writeEscape(bytes[at], to: &out)
        run = at + 1
      }
      out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[run...]))
    }
    out.append(34)
  }

  private static func needsEscape(_ byte: UInt8) -> Bool { byte < 32 || byte == 34 || byte == 92 || byte == 127 }

  private static func writeEscape(_ byte: UInt8, to out: inout [UInt8]) {
    switch byte {
    case 34, 92: out += [92, byte]
    case 10: out += "\\n".utf8
    case 13: out += "\\r".utf8
    case 9: out += "\\t".utf8
    default:
      out += "\\u00".utf8
      for digit in [byte >> 4, byte & 15] { out.append(digit < 10 ? digit + 48 : digit + 87) }
    }
  }
}
