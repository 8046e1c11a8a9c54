import BerthCore

/// Holds a file's tables against their `KeyTable`s and reports everything that a value alone shows to be wrong: unknown keys,
/// wrong types, formats and ranges. What follows from several values together is the decoder's.
public struct SchemaChecker {
  let root: KeyTable
  /// What was found so far.
  public private(set) var sink: DiagnosticSink
  /// From the root to the table being checked.
  private var chain: [KeyTable] = []

  public init(root: KeyTable, sink: DiagnosticSink) {
    self.root = root
    self.sink = sink
  }

  /// Checks a whole file.
  public mutating func check(_ table: TOMLTable) { check(table, against: root) }

  private mutating func check(_ table: TOMLTable, against keys: KeyTable) {
    chain.append(keys)
    defer { chain.removeLast() }
    for entry in table.entries {
      guard let key = keys[entry.key] else {
        unknown(entry, in: keys)
        continue
      }
      check(entry.value, as: key.type, name: key.name)
    }
  }

  // MARK: values

  /// `name` is what messages call the value.
  private mutating func check(_ value: TOMLValue, as type: KeyType, name: String) {
    guard let type = type.alternative(for: value) else {
      let help = typeHelp(value, type, name) ?? Self.tableHelp(value, type)
      sink.error("'\(name)' must be \(type.summary), not \(value.kind)", at: value.range, help: help)
      return
    }
    switch type {
    case .list(let element):
      for item in value.array ?? [] { check(item, as: element, name: name) }
    case .map(let format, let element): checkMap(value.table, format, element, name)
    case .table(let keys):
      if let table = value.table { check(table, against: keys) }
    case .anything, .boolean, .either: break
    default:
      guard let problem = Self.problem(value, type) else { return }
      sink.error("'\(name)' \(problem)", at: value.range, help: Self.suggestion(value, type))
    }
  }

  private mutating func checkMap(_ table: TOMLTable?, _ format: TextFormat, _ element: KeyType, _ name: String) {
    var seen: Set<String> = []
    for entry in table?.entries ?? [] {
      if let problem = format.problem(in: entry.key) {
        sink.error("a key of '\(name)' \(problem)", at: entry.keyRange, help: format.suggestion(for: entry.key))
      } else if entry.key.utf8.contains(where: { $0 >= 0x80 }), !seen.insert(entry.key).inserted {
        sink.error("'\(entry.key)' is set twice, in two Unicode forms", at: entry.keyRange)
      }
      check(entry.value, as: element, name: "\(name).\(entry.key)")
    }
  }

  /// Why a value of the right TOML type is wrong all the same.
  private static func problem(_ value: TOMLValue, _ type: KeyType) -> String? {
    switch type {
    case .text(let format): return value.string.flatMap { format.problem(in: $0) }
    case .choice(let words):
      guard let text = value.string, !words.contains(text) else { return nil }
      return "must be \(type.summary)"
    case .integer(let range):
      guard let number = value.integer, !range.contains(number) else { return nil }
      return range.upperBound == .max ? "must be \(range.lowerBound) or more" : "must be from \(range.lowerBound) to \(range.upperBound)"
    case .duration: return value.duration == nil ? "must be a duration such as \"500ms\", \"30s\" or \"1m30s\"" : nil
    case .size(let minimum):
      guard let size = value.size else { return "must be a size such as \"64MiB\", \"1GB\" or an integer of bytes" }
      return size.bytes < minimum ? "must be at least \(ByteSize(bytes: minimum))" : nil
    case .cpu: return value.cpuMillicores == nil ? "must be a number of cores (0.5) or of millicores (\"500m\"), at least 1 millicore" : nil
    default: return nil
    }
  }

  private static func suggestion(_ value: TOMLValue, _ type: KeyType) -> String? {
    guard let text = value.string else { return nil }
    switch type {
    case .choice(let words):
      let foreign = ForeignWords.values[text].flatMap { words.contains($0) ? $0 : nil }
      return (foreign ?? Suggestion.spelling(of: text, among: words)).map { "did you mean \"\($0)\"?" }
    case .size: return value.size == nil ? ValueHelp.size(text) : nil
    case .cpu: return ValueHelp.cpu(text)
    case .text(.label): return ValueHelp.label(text).map { "did you mean \"\($0)\"?" }
    case .text(let format): return format.suggestion(for: text)
    default: return nil
    }
  }

  /// A number or word without quotes where text belongs, or the other way round: how to write it.
  private func typeHelp(_ value: TOMLValue, _ type: KeyType, _ name: String) -> String? {
    let asText = TOMLValue(.string(""), range: value.range)
    switch value.content {
    case .integer, .float, .boolean, .dateTime:
      guard type.accepts(asText) else { return nil }
      let written = String(decoding: sink.source.bytes[value.range.lower..<value.range.upper], as: UTF8.self)
      guard case .duration = type.alternative(for: asText) else { return "write \"\(written)\"" }
      // Most would mean seconds.
      return ValueHelp.duration(value)
    case .table:
      if case .list(.table) = type { return "write [[\(name)]]" }
      return nil
    case .string(let text):
      if case .list(.text) = type { return ValueHelp.list(text, name: name) }
      return ValueHelp.unquoted(text, as: type)
    case .array(let items):
      if case .map = type { return ValueHelp.map(items) }
      return nil
    }
  }

  /// What stands where a table belongs, put under the key that it was most likely meant for; else the table's keys.
  private static func tableHelp(_ value: TOMLValue, _ type: KeyType) -> String? {
    guard let keys = type.innerTable?.keys, value.table == nil else { return nil }
    if let key = keys.first(where: { $0.type.accepts(value) }) { return "write { \(key.name) = … }" }
    let names = KeyType.list(keys.map { "'\($0.name)'" }, "and")
    return keys.count == 1 ? "its only key is \(names)" : "its keys are \(names)"
  }

  // MARK: unknown keys

  private mutating func unknown(_ entry: TOMLTable.Entry, in keys: KeyTable) {
    let name = entry.key
    for outer in chain.dropLast().reversed() where outer[name] != nil {
      let isRoot = outer.title == root.title
      let title = isHeader(entry.value) ? outer[name]?.type.innerTable?.title : nil
      let help = title.map { "write \($0)" } ?? (isRoot ? "move it above the first table" : "move it above \(keys.title)")
      sink.error("'\(name)' is a key of \(outer.title), not of \(keys.title)", at: entry.keyRange, help: help)
      return
    }
    for key in keys.keys {
      guard let inner = key.type.innerTable, inner[name] != nil else { continue }
      sink.error("'\(name)' is a key of \(inner.title), not of \(keys.title)", at: entry.keyRange, help: "write it below \(inner.title)")
      return
    }
    let help =
      tableHelp(entry, in: keys) ?? Suggestion.help(for: name, among: keys.keys.map(\.name))
      ?? ForeignWords.help(for: name, in: keys, root: root) ?? below(keys, name)
    sink.error("unknown key '\(name)'", at: entry.keyRange, help: help)
  }

  /// Whether it was written as `[table]` or `[[table]]`.
  private func isHeader(_ value: TOMLValue) -> Bool {
    let opening = sink.source.bytes[value.range.lower...].prefix(2)
    return value.table != nil ? opening.first == UInt8(ascii: "[") : opening.elementsEqual("[[".utf8) && value.array?.first?.table != nil
  }

  /// A header with another's name misspelt: how that is written, brackets and all.
  private func tableHelp(_ entry: TOMLTable.Entry, in keys: KeyTable) -> String? {
    guard isHeader(entry.value), let near = Suggestion.nearest(to: entry.key, among: keys.keys.map(\.name)) else { return nil }
    return keys[near]?.type.innerTable.map { "did you mean \($0.title)?" }
  }

  /// A key of a table below whose words it has: `read_only` for `read_only_root_filesystem` of `[container.security]`.
  private func below(_ keys: KeyTable, _ name: String) -> String? {
    for inner in keys.keys.compactMap(\.type.innerTable) {
      if let help = Suggestion.help(for: name, among: inner.keys.map(\.name)) { return "\(help.dropLast()) below \(inner.title)?" }
    }
    return nil
  }
}

extension KeyType {
  /// The table below this key, where it is one.
  var innerTable: KeyTable? {
    switch self {
    case .table(let keys), .list(.table(let keys)): keys
    default: nil
    }
  }
}
