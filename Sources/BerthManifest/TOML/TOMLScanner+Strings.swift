// Strings. Source: toml.io/en/v1.0.0 "String".
extension TOMLScanner {
  private static let quote = UInt8(ascii: "\"")
  private static let apostrophe = UInt8(ascii: "'")
  private static let backslash = UInt8(ascii: "\\")

  /// A string of any of the four kinds; the cursor is on its first quote.
  mutating func string() throws(TOMLError) -> String {
    let mark = current
    guard isTripled(mark) else { return try singleLineString(mark) }
    return try multiLineString(mark)
  }

  /// A basic or literal string of one line, as keys may be too.
  mutating func singleLineString(_ mark: UInt8) throws(TOMLError) -> String {
    let start = at
    at += 1
    var text: [UInt8] = []
    // What came since the last escape; most strings have none and are taken as they stand.
    var run = at
    while true {
      guard !isAtEnd, !isAtNewline else {
        throw failure("the string isn't closed: expected \(Unicode.Scalar(mark))", from: start, to: at)
      }
      let byte = current
      if byte == mark {
        let end = at
        at += 1
        if text.isEmpty { return String(decoding: bytes[run..<end], as: UTF8.self) }
        return String(decoding: text + bytes[run..<end], as: UTF8.self)
      }
      guard !Self.isControl(byte) else { throw failure("control character in a string") }
      if byte == Self.backslash, mark == Self.quote {
        text += bytes[run..<at]
        try escape(into: &text)
        run = at
      } else {
        at += 1
      }
    }
  }

  private mutating func multiLineString(_ mark: UInt8) throws(TOMLError) -> String {
    let start = at
    at += 3
    _ = skipNewline()
    var text: [UInt8] = []
    while true {
      guard !isAtEnd else { throw failure("the multi-line string isn't closed", from: start, to: start + 3) }
      let byte = current
      if byte == mark, isTripled(mark) {
        closeMultiLine(mark, &text)
        return String(decoding: text, as: UTF8.self)
      }
      if isAtNewline {
        // A line break is LF in the value whatever the file has, so that the same manifest means the same after a checkout.
        _ = skipNewline()
        text.append(10)
      } else if byte == Self.backslash, mark == Self.quote {
        if try !skipLineContinuation() { try escape(into: &text) }
      } else {
        guard !Self.isControl(byte) else { throw failure("control character in a string") }
        text.append(byte)
        at += 1
      }
    }
  }

  /// Up to two quotes may stand directly before the closing three.
  private mutating func closeMultiLine(_ mark: UInt8, _ text: inout [UInt8]) {
    at += 3
    for _ in 0..<2 where current == mark {
      text.append(mark)
      at += 1
    }
  }

  /// A backslash at the end of a line takes the line break and all white space up to the next character with it.
  private mutating func skipLineContinuation() throws(TOMLError) -> Bool {
    var ahead = self
    ahead.at += 1
    ahead.skipBlanks()
    guard ahead.skipNewline() else { return false }
    repeat { ahead.skipBlanks() } while ahead.skipNewline()
    at = ahead.at
    return true
  }

  private mutating func escape(into text: inout [UInt8]) throws(TOMLError) {
    let start = at
    at += 1
    let kind = current
    at += 1
    switch kind {
    case UInt8(ascii: "b"): text.append(8)
    case UInt8(ascii: "t"): text.append(9)
    case UInt8(ascii: "n"): text.append(10)
    case UInt8(ascii: "f"): text.append(12)
    case UInt8(ascii: "r"): text.append(13)
    case Self.quote, Self.backslash: text.append(kind)
    case UInt8(ascii: "u"): try unicodeEscape(digits: 4, from: start, into: &text)
    case UInt8(ascii: "U"): try unicodeEscape(digits: 8, from: start, into: &text)
    default:
      at = Swift.min(start + 1, bytes.count)
      throw failure("unknown escape: \\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX and \\UXXXXXXXX are known", from: start, to: start + 2)
    }
  }

  private mutating func unicodeEscape(digits: Int, from start: Int, into text: inout [UInt8]) throws(TOMLError) {
    var code: UInt32 = 0
    for _ in 0..<digits {
      guard let digit = Self.hexDigit(current) else { throw failure("expected \(digits) hexadecimal digits", from: start, to: at) }
      code = code << 4 | digit
      at += 1
    }
    guard let scalar = Unicode.Scalar(code) else { throw failure("no Unicode scalar value", from: start, to: at) }
    text += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
  }

  static func hexDigit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 48...57: UInt32(byte - 48)
    case 65...70: UInt32(byte - 55)
    case 97...102: UInt32(byte - 87)
    default: nil
    }
  }
}
