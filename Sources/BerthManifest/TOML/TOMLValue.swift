/// A TOML 1.0 value and where its file has it.
public struct TOMLValue: Sendable {
  public indirect enum Content: Sendable {
    case string(String)
    case integer(Int64)
    case float(Double)
    case boolean(Bool)
    case dateTime(TOMLDateTime)
    case array([TOMLValue])
    case table(TOMLTable)
  }
  public var content: Content
  /// Of a table written with a header: the header.
  public var range: SourceRange

  public init(_ content: Content, range: SourceRange) {
    self.content = content
    self.range = range
  }

  /// What a person would call it: `a string`.
  public var kind: String {
    switch content {
    case .string: "a string"
    case .integer: "an integer"
    case .float: "a float"
    case .boolean: "a boolean"
    case .dateTime(let value): value.kind
    case .array: "an array"
    case .table: "a table"
    }
  }

  public var string: String? { if case .string(let text) = content { text } else { nil } }
  public var integer: Int64? { if case .integer(let number) = content { number } else { nil } }
  public var boolean: Bool? { if case .boolean(let flag) = content { flag } else { nil } }
  public var array: [TOMLValue]? { if case .array(let items) = content { items } else { nil } }
  public var table: TOMLTable? { if case .table(let table) = content { table } else { nil } }
}

/// A table's entries in the order of the file. Keys are compared byte by byte, as TOML wants it, not by Unicode equivalence.
public struct TOMLTable: Sendable {
  public struct Entry: Sendable {
    public var key: String
    /// Where the key first stands; of a dotted key, its own part.
    public var keyRange: SourceRange
    public var value: TOMLValue
  }
  public private(set) var entries: [Entry]

  init(entries: [Entry] = []) { self.entries = entries }

  public var isEmpty: Bool { entries.isEmpty }

  /// Linear: meant for tables that a schema knows, whose keys are few.
  public func entry(_ key: String) -> Entry? {
    // By index: `first(where:)` would copy each entry that it passes by.
    for at in entries.indices where entries[at].key.hasBytes(of: key) { return entries[at] }
    return nil
  }
  public subscript(key: String) -> TOMLValue? { entry(key)?.value }
}

extension String {
  /// Byte by byte the same. Strings that differ are told apart by their lengths, and then by `==`, faster than by their bytes; only those
  /// that aren't ASCII can be equal with other bytes.
  func hasBytes(of other: String) -> Bool {
    utf8.count == other.utf8.count && self == other && (utf8.allSatisfy { $0 < 0x80 } || utf8.elementsEqual(other.utf8))
  }
}

/// A date, a time or both, as RFC 3339 has them; `offsetMinutes` only on an instant.
public struct TOMLDateTime: Sendable, Hashable, CustomStringConvertible {
  public struct Day: Sendable, Hashable {
    public var year: Int
    public var month: Int
    public var day: Int
  }
  public struct Time: Sendable, Hashable {
    public var hour: Int
    public var minute: Int
    /// 60 is a leap second.
    public var second: Int
    /// Digits past the ninth are cut off.
    public var nanosecond: Int
  }
  public var date: Day?
  public var time: Time?
  public var offsetMinutes: Int?

  var kind: String {
    switch (date, time) {
    case (_, nil): "a date"
    case (nil, _): "a time"
    default: "a date and time"
    }
  }

  public var description: String {
    var text = ""
    if let date { text += "\(Self.padded(date.year, 4))-\(Self.padded(date.month, 2))-\(Self.padded(date.day, 2))" }
    if let time {
      if date != nil { text += "T" }
      text += "\(Self.padded(time.hour, 2)):\(Self.padded(time.minute, 2)):\(Self.padded(time.second, 2))"
      text += Self.fraction(time.nanosecond)
    }
    if let offsetMinutes { text += Self.offset(offsetMinutes) }
    return text
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: Swift.max(0, width - digits.count)) + digits
  }

  private static func fraction(_ nanosecond: Int) -> String {
    guard nanosecond > 0 else { return "" }
    var digits = padded(nanosecond, 9)
    while digits.hasSuffix("0") { digits.removeLast() }
    return "." + digits
  }

  private static func offset(_ minutes: Int) -> String {
    guard minutes != 0 else { return "Z" }
    return (minutes < 0 ? "-" : "+") + padded(abs(minutes) / 60, 2) + ":" + padded(abs(minutes) % 60, 2)
  }
}
