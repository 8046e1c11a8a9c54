/// The keys that a table may have: what the decoder checks by, and what a reference or a JSON Schema is made from.
public struct KeyTable: Sendable {
  /// How the file writes the table: `[[container]]`, `[container.resources]`.
  public let title: String
  public let keys: [Key]
  private let positions: [String: Int]

  public init(_ title: String, _ keys: [Key]) {
    self.title = title
    self.keys = keys
    positions = Dictionary(keys.enumerated().map { ($1.name, $0) }) { first, _ in first }
  }

  public subscript(name: String) -> Key? { positions[name].map { keys[$0] } }

  /// A class, since it is looked up for every key of every manifest.
  public final class Key: Sendable {
    public let name: String
    public let type: KeyType
    /// As the reference prints it; nil where leaving it out has a meaning of its own.
    public let defaultText: String?
    public let doc: String

    init(name: String, type: KeyType, defaultText: String?, doc: String) {
      (self.name, self.type, self.defaultText, self.doc) = (name, type, defaultText, doc)
    }
  }
}

extension KeyTable.Key {
  public static func key(_ name: String, _ type: KeyType, default defaultText: String? = nil, _ doc: String) -> KeyTable.Key {
    KeyTable.Key(name: name, type: type, defaultText: defaultText, doc: doc)
  }
}

/// What a key's value may be.
public indirect enum KeyType: Sendable {
  case text(TextFormat)
  case boolean
  case integer(ClosedRange<Int64>)
  /// A string such as `"1m30s"`.
  case duration
  /// A string such as `"64MiB"` or an integer of bytes, from `minimum`.
  case size(minimum: Int64)
  /// A number of cores or a string such as `"500m"`.
  case cpu
  case choice([String])
  case list(KeyType)
  /// A table whose keys are the user's.
  case map(key: TextFormat, value: KeyType)
  case table(KeyTable)
  /// One of several that differ in their TOML type.
  case either([KeyType])
  /// Not looked into (only for keys that are refused anyway).
  case anything

  /// Whether a value of this TOML type can be one at all.
  func accepts(_ value: TOMLValue) -> Bool {
    switch (self, value.content) {
    case (.text, .string), (.duration, .string), (.choice, .string), (.size, .string), (.cpu, .string): true
    case (.boolean, .boolean), (.integer, .integer), (.size, .integer), (.cpu, .integer), (.cpu, .float): true
    case (.list, .array), (.map, .table), (.table, .table), (.anything, _): true
    case (.either(let types), _): types.contains { $0.accepts(value) }
    default: false
    }
  }

  /// The alternative that `value` is to be read as.
  func alternative(for value: TOMLValue) -> KeyType? {
    guard case .either(let types) = self else { return accepts(value) ? self : nil }
    for type in types { if let found = type.alternative(for: value) { return found } }
    return nil
  }

  /// `a string`, `an array of strings`, for messages and the reference.
  public var summary: String {
    switch self {
    case .text: "a string"
    case .boolean: "true or false"
    case .integer: "an integer"
    case .duration: "a duration in a string (\"30s\")"
    case .size: "a size (\"64MiB\", or an integer of bytes)"
    case .cpu: "a number of cores (0.5) or millicores (\"500m\")"
    case .choice(let words): Self.list(words.map { "\"\($0)\"" }, "or")
    case .list(.text), .list(.choice): "an array of strings"
    case .list(.table): "an array of tables"
    case .list: "an array"
    case .map(_, .text): "a table of strings"
    case .map, .table: "a table"
    case .either(let types): Self.list(types.map(\.summary), "or")
    case .anything: "any value"
    }
  }

  /// `a, b or c`.
  static func list(_ items: [String], _ conjunction: String) -> String {
    guard let last = items.last, items.count > 1 else { return items.first ?? "" }
    return items.dropLast().joined(separator: ", ") + " \(conjunction) " + last
  }
}
