/// The tables of a document while it is read: an arena of nodes, so that headers further down can still add to a table above.
/// It holds TOML's rules about who may define a table twice (nobody) and who may add to one.
struct TOMLTableBuilder {
  typealias Index = Int
  static let root: Index = 0

  enum Origin {
    /// Made in passing by `[a.b.c]` for a and a.b; may get its own header once.
    case implicit
    case header
    /// Made by `a.b = 1`; may only be added to by further dotted keys.
    case dotted
  }

  enum Slot {
    case value(TOMLValue)
    case table(Index, SourceRange)
    /// `[[x]]`: the elements so far, never empty.
    case tables([Index], SourceRange)
  }

  struct Key {
    var text: String
    var range: SourceRange
  }

  private struct Node {
    var origin: Origin
    /// Of the root 0.
    var depth: Int
    var range: SourceRange
    var keys: [Key] = []
    var slots: [Slot] = []
    /// Positions by the keys' bytes, built once the table is too large to be searched in line.
    var index: [[UInt8]: Int] = [:]

    static let indexedFrom = 12

    func position(of key: String) -> Int? {
      if keys.count < Self.indexedFrom { return keys.firstIndex { $0.text.hasBytes(of: key) } }
      return index[Array(key.utf8)]
    }

    mutating func append(_ key: Key, _ slot: Slot) {
      keys.append(key)
      slots.append(slot)
      if keys.count == Self.indexedFrom {
        for (at, key) in keys.enumerated() { index[Array(key.text.utf8)] = at }
      } else if keys.count > Self.indexedFrom {
        index[Array(key.text.utf8)] = keys.count - 1
      }
    }
  }

  private var nodes: [Node]
  private let maximumDepth: Int

  init(maximumDepth: Int) {
    self.maximumDepth = maximumDepth
    nodes = [Node(origin: .header, depth: 0, range: SourceRange(0, 0))]
  }

  /// A table that nothing refers to (yet): an inline table, or where the entries under a broken header go.
  mutating func detached(depth: Int, range: SourceRange) -> Index {
    nodes.append(Node(origin: .header, depth: depth, range: range))
    return nodes.count - 1
  }

  func depth(of table: Index) -> Int { nodes[table].depth }

  private mutating func add(_ key: Key, to parent: Index, _ origin: Origin) throws(TOMLError) -> Index {
    let depth = nodes[parent].depth + 1
    guard depth <= maximumDepth else { throw TOMLError("nested deeper than \(maximumDepth)", key.range) }
    nodes.append(Node(origin: origin, depth: depth, range: key.range))
    return nodes.count - 1
  }

  // MARK: headers

  /// `[path]`: the table that the entries after it belong to.
  mutating func openTable(_ path: [Key], header: SourceRange) throws(TOMLError) -> Index {
    guard let last = path.last else { return Self.root }
    let parent = try walk(path.dropLast())
    guard let at = nodes[parent].position(of: last.text) else {
      let table = try add(last, to: parent, .header)
      nodes[table].range = header
      nodes[parent].append(last, .table(table, header))
      return table
    }
    switch nodes[parent].slots[at] {
    case .table(let table, _) where nodes[table].origin == .implicit:
      nodes[table].origin = .header
      nodes[table].range = header
      nodes[parent].slots[at] = .table(table, header)
      return table
    case .table(_, let earlier): throw TOMLError("table '\(last.text)' is defined twice", last.range, earlier: earlier)
    case .tables: throw TOMLError("'\(last.text)' is an array of tables: write [[\(Self.joined(path))]]", last.range)
    case .value: throw TOMLError("'\(last.text)' already has a value", last.range)
    }
  }

  /// `[[path]]`: a new element.
  mutating func openElement(_ path: [Key], header: SourceRange) throws(TOMLError) -> Index {
    guard let last = path.last else { return Self.root }
    let parent = try walk(path.dropLast())
    let table = try add(last, to: parent, .header)
    nodes[table].range = header
    guard let at = nodes[parent].position(of: last.text) else {
      nodes[parent].append(last, .tables([table], header))
      return table
    }
    guard case .tables(var elements, let range) = nodes[parent].slots[at] else {
      throw TOMLError("'\(last.text)' is already defined and is no array of tables", last.range)
    }
    // Emptied first, so that the array is appended to in place.
    nodes[parent].slots[at] = .tables([], range)
    elements.append(table)
    nodes[parent].slots[at] = .tables(elements, range)
    return table
  }

  private mutating func walk(_ path: ArraySlice<Key>) throws(TOMLError) -> Index {
    var table = Self.root
    for key in path {
      guard let at = nodes[table].position(of: key.text) else {
        let child = try add(key, to: table, .implicit)
        nodes[table].append(key, .table(child, key.range))
        table = child
        continue
      }
      switch nodes[table].slots[at] {
      case .table(let child, _): table = child
      case .tables(let elements, _):
        guard let latest = elements.last else { throw TOMLError("'\(key.text)' has no elements", key.range) }
        table = latest
      case .value: throw TOMLError("'\(key.text)' already has a value and can't be added to", key.range)
      }
    }
    return table
  }

  // MARK: entries

  /// The table that the last part of a dotted key stands in, made where it isn't there.
  mutating func descend(_ path: ArraySlice<Key>, from start: Index) throws(TOMLError) -> Index {
    var table = start
    for key in path {
      guard let at = nodes[table].position(of: key.text) else {
        let child = try add(key, to: table, .dotted)
        nodes[table].append(key, .table(child, key.range))
        table = child
        continue
      }
      guard case .table(let child, _) = nodes[table].slots[at], nodes[child].origin == .dotted else {
        throw TOMLError("'\(key.text)' is already defined and can't be added to", key.range)
      }
      table = child
    }
    return table
  }

  /// Sets an entry that must not be there yet.
  mutating func set(_ key: Key, _ value: TOMLValue, in table: Index) throws(TOMLError) {
    if let at = nodes[table].position(of: key.text) {
      throw TOMLError("'\(key.text)' is set twice", key.range, earlier: nodes[table].keys[at].range)
    }
    nodes[table].append(key, .value(value))
  }

  /// The finished table. The depth limit bounds the recursion.
  func frozen(_ table: Index) -> TOMLTable {
    let node = nodes[table]
    var entries: [TOMLTable.Entry] = []
    entries.reserveCapacity(node.keys.count)
    for (key, slot) in zip(node.keys, node.slots) {
      entries.append(TOMLTable.Entry(key: key.text, keyRange: key.range, value: frozen(slot)))
    }
    return TOMLTable(entries: entries)
  }

  private func frozen(_ slot: Slot) -> TOMLValue {
    switch slot {
    case .value(let value): return value
    case .table(let child, let range): return TOMLValue(.table(frozen(child)), range: range)
    case .tables(let elements, let range):
      return TOMLValue(.array(elements.map { TOMLValue(.table(frozen($0)), range: nodes[$0].range) }), range: range)
    }
  }

  private static func joined(_ path: [Key]) -> String { path.map(\.text).joined(separator: ".") }
}
