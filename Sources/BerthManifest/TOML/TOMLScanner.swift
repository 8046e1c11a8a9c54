/// A cursor over the bytes of a TOML text that is known to be UTF-8.
struct TOMLScanner {
  let bytes: [UInt8]
  var at: Int

  init(_ bytes: [UInt8], at: Int = 0) {
    self.bytes = bytes
    self.at = at
  }

  /// The byte at the cursor; 0, which TOML has nowhere, at the end.
  var current: UInt8 { at < bytes.count ? bytes[at] : 0 }
  var isAtEnd: Bool { at >= bytes.count }
  var isAtNewline: Bool { current == 10 || (current == 13 && peek(1) == 10) }

  /// Nothing but a comment follows on this line, and there is another.
  var isAtEndOfLine: Bool { isAtNewline || current == UInt8(ascii: "#") }

  func peek(_ distance: Int) -> UInt8 { at + distance < bytes.count ? bytes[at + distance] : 0 }

  func failure(_ message: String, from lower: Int? = nil, to upper: Int? = nil) -> TOMLError {
    TOMLError(message, SourceRange(lower ?? at, upper ?? Swift.max(at, lower ?? at) + 1))
  }

  /// Steps over `byte` if the cursor is on it.
  mutating func skip(_ byte: UInt8) -> Bool {
    guard !isAtEnd, current == byte else { return false }
    at += 1
    return true
  }

  /// Whether the three bytes at the cursor are `byte`.
  func isTripled(_ byte: UInt8) -> Bool { current == byte && peek(1) == byte && peek(2) == byte }

  mutating func skipBlanks() {
    while current == 32 || current == 9 { at += 1 }
  }

  /// Steps over LF or CR LF.
  mutating func skipNewline() -> Bool {
    guard isAtNewline else { return false }
    at += current == 13 ? 2 : 1
    return true
  }

  mutating func skipComment() throws(TOMLError) {
    guard current == UInt8(ascii: "#") else { return }
    while !isAtEnd, !isAtNewline {
      guard !Self.isControl(current) else { throw failure("control character in a comment") }
      at += 1
    }
  }

  /// Steps over blanks, line breaks and comments, as arrays may have between their elements.
  mutating func skipBlanksAndLines() throws(TOMLError) {
    while true {
      skipBlanks()
      try skipComment()
      guard skipNewline() else { return }
    }
  }

  /// From inside an inline table that goes over several lines to behind its `}`; nowhere if a header comes first.
  mutating func skipToEndOfInlineTable() {
    var ahead = self
    var depth = 1
    while depth > 0, !ahead.isAtEnd {
      switch ahead.current {
      case UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "}"): depth -= 1
      case UInt8(ascii: "#"), UInt8(ascii: "\""), UInt8(ascii: "'"): ahead.skipOpaque()
      case 10:
        ahead.at += 1
        ahead.skipBlanks()
        if ahead.current == UInt8(ascii: "[") { return }
        continue
      default: break
      }
      ahead.at += 1
    }
    if depth == 0 { at = ahead.at }
  }

  /// From the beginning of a comment or a string to its last byte on this line.
  private mutating func skipOpaque() {
    let end = current
    while !isAtEnd, peek(1) != 10, at + 1 < bytes.count {
      at += current == UInt8(ascii: "\\") && end == UInt8(ascii: "\"") && peek(1) == end ? 2 : 1
      if current == end, end != UInt8(ascii: "#") { return }
    }
  }

  /// What may follow a statement on its line: nothing but a comment.
  mutating func endOfStatement() throws(TOMLError) {
    skipBlanks()
    try skipComment()
    guard isAtEnd || skipNewline() else { throw failure("expected the end of the line, found \(found)") }
  }

  /// The character at the cursor, for a message.
  var found: String {
    guard !isAtEnd else { return "the end of the file" }
    if isAtNewline { return "the end of the line" }
    let count = Self.scalarLength(current)
    let end = Swift.min(at + count, bytes.count)
    guard !Self.isControl(current) else { return "a control character" }
    return "'\(String(decoding: bytes[at..<end], as: UTF8.self))'"
  }

  /// One that a word processor made: U+2018 to U+201F.
  var isAtTypographicQuote: Bool { current == 0xE2 && peek(1) == 0x80 && (0x98...0x9F).contains(peek(2)) }

  static func scalarLength(_ lead: UInt8) -> Int {
    switch lead {
    case 0xF0...: 4
    case 0xE0...: 3
    case 0xC0...: 2
    default: 1
    }
  }

  /// Tab is none: TOML allows it in comments and strings.
  static func isControl(_ byte: UInt8) -> Bool { (byte < 32 && byte != 9) || byte == 127 }
  static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
  static func isBareKey(_ byte: UInt8) -> Bool {
    isDigit(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
  }
}
