/// Why a text is no acceptable JSON, and where.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
  public var message: String
  /// From 0, in bytes.
  public var offset: Int
  public var description: String { "\(message) at byte \(offset)" }
}

/// What a JSON text may cost. The defaults suit image manifests and runtime specs.
public struct JSONLimits: Sendable {
  public var bytes = 4 << 20
  public var depth = 64
  public var values = 1 << 20
  public init() {}
  public init(bytes: Int, depth: Int = 64, values: Int = 1 << 20) {
    self.bytes = bytes
    self.depth = depth
    self.values = values
  }
}

extension JSON {
  /// Strict RFC 8259, for hostile input: bounded size, depth and count; duplicate keys (canonically equivalent ones too), lone
  /// surrogates, invalid UTF-8, numbers outside their range and anything after the value are errors. Never traps.
  public init(parsing bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) {
    guard bytes.count <= limits.bytes else { throw JSONError(message: "larger than \(limits.bytes) bytes", offset: limits.bytes) }
    var reader = JSONReader(bytes: bytes, limits: limits)
    self = try reader.document()
  }

  public init(parsing text: String, limits: JSONLimits = JSONLimits()) throws(JSONError) {
    try self.init(parsing: Array(text.utf8), limits: limits)
  }
}

private struct JSONReader {
  let bytes: [UInt8]
  let limits: JSONLimits
  var at = 0
  var values = 0

  /// The byte at the cursor; 0, which no token begins with, at the end.
  var current: UInt8 { at < bytes.count ? bytes[at] : 0 }

  func failure(_ message: String, at offset: Int? = nil) -> JSONError { JSONError(message: message, offset: offset ?? at) }

  mutating func document() throws(JSONError) -> JSON {
    skipSpace()
    let value = try value(depth: 0)
    skipSpace()
    guard at == bytes.count else { throw failure("something after the value") }
    return value
  }

  mutating func skipSpace() {
    while current == 32 || current == 10 || current == 13 || current == 9 { at += 1 }
  }

  mutating func value(depth: Int) throws(JSONError) -> JSON {
    guard depth <= limits.depth else { throw failure("nested deeper than \(limits.depth)") }
    values += 1
    guard values <= limits.values else { throw failure("more than \(limits.values) values") }
    switch current {
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case UInt8(ascii: "-"), 48...57: return try number()
    default: throw failure(at < bytes.count ? "expected a value" : "ends too early")
    }
  }

  mutating func literal(_ word: StaticString, _ value: JSON) throws(JSONError) -> JSON {
    let count = word.utf8CodeUnitCount
    let matches = at + count <= bytes.count && word.withUTF8Buffer { $0.elementsEqual(bytes[at..<at + count]) }
    guard matches else { throw failure("expected \(word)") }
    at += count
    return value
  }

  mutating func object(depth: Int) throws(JSONError) -> JSONObject {
    at += 1
    skipSpace()
    if current == UInt8(ascii: "}") {
      at += 1
      return JSONObject()
    }
    var object = JSONObject()
    while true {
      skipSpace()
      guard current == UInt8(ascii: "\"") else { throw failure("expected a key") }
      let start = at
      let key = try string()
      guard !object.contains(key) else { throw failure("duplicate key \"\(key)\"", at: start) }
      skipSpace()
      guard current == UInt8(ascii: ":") else { throw failure("expected ':'") }
      at += 1
      skipSpace()
      object.append(key, try value(depth: depth + 1))
      if try listEnds(UInt8(ascii: "}")) { return object }
    }
  }

  mutating func array(depth: Int) throws(JSONError) -> [JSON] {
    at += 1
    var items: [JSON] = []
    skipSpace()
    if current == UInt8(ascii: "]") {
      at += 1
      return items
    }
    while true {
      skipSpace()
      items.append(try value(depth: depth + 1))
      if try listEnds(UInt8(ascii: "]")) { return items }
    }
  }

  mutating func listEnds(_ close: UInt8) throws(JSONError) -> Bool {
    skipSpace()
    guard current == close || current == UInt8(ascii: ",") else {
      throw failure("expected ',' or '\(Unicode.Scalar(close))'")
    }
    at += 1
    return bytes[at - 1] == close
  }

  mutating func number() throws(JSONError) -> JSON {
    let start = at
    if current == UInt8(ascii: "-") { at += 1 }
    guard (48...57).contains(current) else { throw failure("expected a digit") }
    if current == 48 { at += 1 } else { skipDigits() }
    var isInteger = true
    if current == UInt8(ascii: ".") {
      isInteger = false
      at += 1
      guard (48...57).contains(current) else { throw failure("expected a digit") }
      skipDigits()
    }
    if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
      isInteger = false
      at += 1
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { at += 1 }
      guard (48...57).contains(current) else { throw failure("expected a digit") }
      skipDigits()
    }
    let text = String(decoding: bytes[start..<at], as: UTF8.self)
    if isInteger {
      if let number = Int64(text) { return .integer(number) }
      if let number = UInt64(text) { return .unsigned(number) }
      throw failure("number out of range", at: start)
    }
    guard let number = Double(text), number.isFinite else { throw failure("number out of range", at: start) }
    return .double(number)
  }

  mutating func skipDigits() {
    while (48...57).contains(current) { at += 1 }
  }

  mutating func string() throws(JSONError) -> String {
    let start = at
    at += 1
    var run = at
    // What stands before the last escape.
    var text: [UInt8] = []
    while true {
      guard at < bytes.count else { throw failure("string without an end", at: start) }
      let byte = bytes[at]
      if byte == UInt8(ascii: "\"") {
        if !text.isEmpty { text += bytes[run..<at] }
        let valid = text.isEmpty ? String(validUTF8: bytes[run..<at]) : String(validUTF8: text)
        at += 1
        guard let valid else { throw failure("invalid UTF-8", at: start) }
        return valid
      }
      guard byte >= 32 else { throw failure("control character in a string") }
      at += 1
      if byte == UInt8(ascii: "\\") {
        text += bytes[run..<at - 1]
        try escape(into: &text)
        run = at
      }
    }
  }

  mutating func escape(into text: inout [UInt8]) throws(JSONError) {
    let kind = current
    at += 1
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(kind)
    case UInt8(ascii: "b"): text.append(8)
    case UInt8(ascii: "f"): text.append(12)
    case UInt8(ascii: "n"): text.append(10)
    case UInt8(ascii: "r"): text.append(13)
    case UInt8(ascii: "t"): text.append(9)
    case UInt8(ascii: "u"):
      let scalar = try unicodeEscape()
      text += String(Character(scalar)).utf8
    default: throw failure("unknown escape", at: at - 2)
    }
  }

  mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
    let first = try hexDigits()
    var code = UInt32(first)
    if (0xD800...0xDBFF).contains(first), current == UInt8(ascii: "\\"), at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: "u") {
      at += 2
      let second = try hexDigits()
      guard (0xDC00...0xDFFF).contains(second) else { throw failure("lone surrogate") }
      code = 0x10000 + (UInt32(first - 0xD800) << 10) + UInt32(second - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(code) else { throw failure("lone surrogate") }
    return scalar
  }

  mutating func hexDigits() throws(JSONError) -> UInt16 {
    guard at + 4 <= bytes.count else { throw failure("ends too early") }
    let digits = bytes[at..<at + 4]
    guard digits.allSatisfy({ (48...57).contains($0) || (65...70).contains($0) || (97...102).contains($0) }),
      let code = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw failure("expected four hexadecimal digits") }
    at += 4
    return code
  }
}
