/// Statements, keys and values of TOML 1.0. An error ends its statement only: reading goes on at the next line that looks like one.
struct TOMLParser {
  private var scanner: TOMLScanner
  private let limits: TOMLLimits
  private var table = TOMLTableBuilder.root
  private(set) var builder: TOMLTableBuilder
  private(set) var errors: [TOMLError] = []

  init(source: SourceText, limits: TOMLLimits) {
    let start = source.bytes.starts(with: SourceText.byteOrderMark) ? 3 : 0
    scanner = TOMLScanner(source.bytes, at: start)
    self.limits = limits
    builder = TOMLTableBuilder(maximumDepth: limits.depth)
  }

  mutating func document() {
    while !scanner.isAtEnd {
      do {
        try statement()
      } catch {
        errors.append(error)
        guard errors.count < limits.errors else { return }
        skipToNextStatement()
      }
    }
  }

  private mutating func statement() throws(TOMLError) {
    scanner.skipBlanks()
    if scanner.current == UInt8(ascii: "[") {
      try header()
    } else if !scanner.isAtEnd, !scanner.isAtNewline, scanner.current != UInt8(ascii: "#") {
      try entry(in: table, depth: builder.depth(of: table))
    }
    try scanner.endOfStatement()
  }

  private mutating func header() throws(TOMLError) {
    let start = scanner.at
    // Entries under a header that turns out to be broken belong to no table of the document.
    table = builder.detached(depth: 1, range: SourceRange(start, start))
    scanner.at += 1
    let isElement = scanner.skip(UInt8(ascii: "["))
    scanner.skipBlanks()
    let path = try keyPath()
    guard scanner.skip(UInt8(ascii: "]")), !isElement || scanner.skip(UInt8(ascii: "]")) else {
      throw scanner.failure("expected \(isElement ? "']]'" : "']'"), found \(scanner.found)")
    }
    let range = SourceRange(start, scanner.at)
    table = try isElement ? builder.openElement(path, header: range) : builder.openTable(path, header: range)
  }

  // MARK: entries

  /// `key = value` into `target`, or into the table that its dotted key leads to from there.
  private mutating func entry(in target: TOMLTableBuilder.Index, depth: Int) throws(TOMLError) {
    let path = try keyPath()
    guard let last = path.last else { return }
    guard scanner.skip(UInt8(ascii: "=")) else {
      let hint = scanner.current == UInt8(ascii: ":") ? ": TOML writes key = value" : ""
      throw scanner.failure("expected '=' after the key, found \(scanner.found)\(hint)")
    }
    scanner.skipBlanks()
    let value = try value(depth: depth + path.count)
    let table = try builder.descend(path.dropLast(), from: target)
    try builder.set(last, value, in: table)
  }

  /// `a."b c".d`, with the blanks around it.
  private mutating func keyPath() throws(TOMLError) -> [TOMLTableBuilder.Key] {
    var path: [TOMLTableBuilder.Key] = []
    repeat {
      scanner.skipBlanks()
      path.append(try key())
      guard path.count <= limits.keyParts else { throw scanner.failure("a key of more than \(limits.keyParts) parts") }
      scanner.skipBlanks()
    } while scanner.skip(UInt8(ascii: "."))
    return path
  }

  private mutating func key() throws(TOMLError) -> TOMLTableBuilder.Key {
    let start = scanner.at
    let text: String
    if scanner.current == UInt8(ascii: "\"") || scanner.current == UInt8(ascii: "'") {
      guard !scanner.isTripled(scanner.current) else { throw scanner.failure("a key can't be a multi-line string") }
      text = try scanner.singleLineString(scanner.current)
    } else {
      while TOMLScanner.isBareKey(scanner.current) { scanner.at += 1 }
      guard scanner.at > start else { throw scanner.failure("expected a key, found \(scanner.found)") }
      text = String(decoding: scanner.bytes[start..<scanner.at], as: UTF8.self)
    }
    return TOMLTableBuilder.Key(text: text, range: SourceRange(start, scanner.at))
  }

  // MARK: values

  private mutating func value(depth: Int) throws(TOMLError) -> TOMLValue {
    let start = scanner.at
    guard depth <= limits.depth else { throw scanner.failure("nested deeper than \(limits.depth)") }
    let content: TOMLValue.Content
    switch scanner.current {
    case UInt8(ascii: "\""), UInt8(ascii: "'"): content = .string(try scanner.string())
    case UInt8(ascii: "["): content = .array(try array(depth: depth))
    case UInt8(ascii: "{"): content = .table(try inlineTable(depth: depth))
    default: content = try scalar()
    }
    return TOMLValue(content, range: SourceRange(start, scanner.at))
  }

  private mutating func scalar() throws(TOMLError) -> TOMLValue.Content {
    let token = scanner.token()
    guard !token.isEmpty else {
      let hint = scanner.isAtTypographicQuote ? ": strings are in straight quotes" : ""
      throw scanner.failure("expected a value, found \(scanner.found)\(hint)")
    }
    if token.elementsEqual("true".utf8) { return .boolean(true) }
    if token.elementsEqual("false".utf8) { return .boolean(false) }
    if TOMLScanner.looksLikeDate(token) { return .dateTime(try scanner.dateTime(token)) }
    return try scanner.number(token)
  }

  private mutating func array(depth: Int) throws(TOMLError) -> [TOMLValue] {
    let start = scanner.at
    scanner.at += 1
    var items: [TOMLValue] = []
    while true {
      try scanner.skipBlanksAndLines()
      if scanner.skip(UInt8(ascii: "]")) { return items }
      guard !scanner.isAtEnd else { throw scanner.failure("the array isn't closed: expected ']'", from: start, to: start + 1) }
      items.append(try value(depth: depth + 1))
      try scanner.skipBlanksAndLines()
      if scanner.skip(UInt8(ascii: ",")) { continue }
      guard scanner.skip(UInt8(ascii: "]")) else {
        throw scanner.isAtEnd
          ? scanner.failure("the array isn't closed: expected ']'", from: start, to: start + 1)
          : scanner.failure("expected ',' or ']' in the array, found \(scanner.found)")
      }
      return items
    }
  }

  private mutating func inlineTable(depth: Int) throws(TOMLError) -> TOMLTable {
    let start = scanner.at
    scanner.at += 1
    let table = builder.detached(depth: depth, range: SourceRange(start, start))
    scanner.skipBlanks()
    if scanner.skip(UInt8(ascii: "}")) { return TOMLTable() }
    while true {
      guard !scanner.isAtEndOfLine else { throw onSeveralLines() }
      try entry(in: table, depth: depth)
      scanner.skipBlanks()
      if scanner.skip(UInt8(ascii: "}")) { return builder.frozen(table) }
      guard scanner.skip(UInt8(ascii: ",")) else {
        throw scanner.isAtEndOfLine ? onSeveralLines() : scanner.failure("expected ',' or '}' in the inline table, found \(scanner.found)")
      }
      scanner.skipBlanks()
      if scanner.current == UInt8(ascii: "}") { throw scanner.failure("an inline table has no comma after its last entry") }
    }
  }

  /// Leaves the table behind, so that its other lines aren't taken for entries of the table around it.
  private mutating func onSeveralLines() -> TOMLError {
    let error = scanner.failure("an inline table stays on one line: close it with '}' or write it as a [table]")
    scanner.skipToEndOfInlineTable()
    return error
  }

  // MARK: recovery

  /// Leaves the line of an error, and those after it that can't begin a statement, as the rest of a broken array can't.
  private mutating func skipToNextStatement() {
    repeat { skipLine() } while !scanner.isAtEnd && !looksLikeStatement()
  }

  private mutating func skipLine() {
    while !scanner.isAtEnd, scanner.current != 10 { scanner.at += 1 }
    _ = scanner.skip(10)
  }

  /// A bare key with `=` or `.` behind it, or a header; one whose bracket isn't closed still ends the table before it.
  private func looksLikeStatement() -> Bool {
    var ahead = scanner
    ahead.skipBlanks()
    let isHeader = ahead.skip(UInt8(ascii: "["))
    _ = ahead.skip(UInt8(ascii: "["))
    let start = ahead.at
    while TOMLScanner.isBareKey(ahead.current) || ahead.current == UInt8(ascii: ".") { ahead.at += 1 }
    guard ahead.at > start else { return false }
    ahead.skipBlanks()
    if isHeader { return ahead.current == UInt8(ascii: "]") || ahead.isAtEndOfLine || ahead.isAtEnd }
    return ahead.current == UInt8(ascii: "=")
  }
}
