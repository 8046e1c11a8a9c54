/// A place in a text file, as editors count: both from 1, columns in Unicode scalars (a tab is one, a letter with a combining
/// accent two). A byte order mark doesn't count.
public struct SourcePosition: Sendable, Hashable, Comparable, CustomStringConvertible {
  public var line: Int
  public var column: Int
  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }
  public var description: String { "\(line):\(column)" }
  public static func < (a: SourcePosition, b: SourcePosition) -> Bool { (a.line, a.column) < (b.line, b.column) }
}

/// A stretch of a source text, in bytes from 0, the end not included. Lines and columns are counted only when somebody asks
/// (`SourceText.position`): few of a file's keys ever appear in a diagnostic.
public struct SourceRange: Sendable, Hashable {
  public var lower: Int
  public var upper: Int
  public init(_ lower: Int, _ upper: Int) {
    self.lower = lower
    self.upper = Swift.max(lower, upper)
  }
}

/// The bytes of a file together with where its lines begin.
public struct SourceText: Sendable {
  public let bytes: [UInt8]
  private let lineStarts: [Int]
  /// Lines longer than this are not shown below a diagnostic.
  private static let longestShownLine = 512

  public init(_ bytes: [UInt8]) {
    self.bytes = bytes
    var starts = [bytes.starts(with: SourceText.byteOrderMark) ? 3 : 0]
    for (at, byte) in bytes.enumerated() where byte == 10 { starts.append(at + 1) }
    lineStarts = starts
  }

  static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// The line, from 0, that holds byte `offset`.
  private func lineIndex(of offset: Int) -> Int {
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    return low
  }

  /// Where byte `offset` stands; an offset outside the text counts as the nearest end.
  public func position(of offset: Int) -> SourcePosition {
    let line = lineIndex(of: offset)
    let start = lineStarts[line]
    let end = Swift.min(Swift.max(offset, start), bytes.count)
    return SourcePosition(line: line + 1, column: 1 + scalars(from: start, to: end))
  }

  /// The column just after `range`, for a row of carets under it; a range of several lines ends with its first.
  public func endColumn(of range: SourceRange) -> Int {
    let line = lineIndex(of: range.lower)
    let start = lineStarts[line]
    let end = Swift.min(Swift.max(range.upper, start), lineEnd(line))
    return Swift.max(1 + scalars(from: start, to: end), position(of: range.lower).column + 1)
  }

  /// The text of the line that holds byte `offset`, without its line break; nil where it is too long to show or no UTF-8.
  public func line(at offset: Int) -> String? {
    let line = lineIndex(of: offset)
    let start = lineStarts[line]
    let end = lineEnd(line)
    guard start <= end, end - start <= Self.longestShownLine else { return nil }
    return String(validating: bytes[start..<end], as: UTF8.self)
  }

  private func lineEnd(_ line: Int) -> Int {
    guard line + 1 < lineStarts.count else { return bytes.count }
    let newline = lineStarts[line + 1] - 1
    return newline > lineStarts[line] && bytes[newline - 1] == 13 ? newline - 1 : newline
  }

  /// UTF-8's continuation bytes are no scalars of their own.
  private func scalars(from start: Int, to end: Int) -> Int {
    guard start < end else { return 0 }
    return bytes[start..<end].reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
  }

  /// The offset of the first byte that isn't UTF-8; nil if all is.
  func firstInvalidUTF8() -> Int? {
    if bytes.allSatisfy({ $0 < 0x80 }) { return nil }
    var decoder = UTF8.ForwardParser()
    var iterator = bytes.makeIterator()
    var at = 0
    while true {
      switch decoder.parseScalar(from: &iterator) {
      case .valid(let scalar): at += scalar.count
      case .error: return at
      case .emptyInput: return nil
      }
    }
  }
}
