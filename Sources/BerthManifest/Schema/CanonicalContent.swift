import BerthCore

/// A manifest's content as written, in one spelling: comments, the order of keys and the spelling of sizes, durations and CPU don't count,
/// defaults are not filled in. Equal contents give equal bytes, in this version of Berth and every later one: the hash of these bytes is
/// what a running pod is compared by.
public enum CanonicalContent {
  /// `folder` is the manifest's: a relative path on the node counts as the place it names.
  public static func bytes(_ document: TOMLDocument, folder: String) -> [UInt8] {
    var writer = CanonicalWriter(folder: folder)
    writer.write(document.root, ManifestSchema.pod)
    return writer.bytes
  }
}

/// Compact JSON, the members of every object sorted by their keys' bytes; straight from the document, since every manifest of a directory
/// is hashed when a daemon starts.
private struct CanonicalWriter {
  let folder: String
  private(set) var bytes: [UInt8] = []

  init(folder: String) {
    self.folder = folder
    bytes.reserveCapacity(512)
  }

  mutating func write(_ table: TOMLTable, _ keys: KeyTable) { write(table) { keys[$0]?.type ?? .anything } }

  private mutating func write(_ table: TOMLTable, typeOf: (String) -> KeyType) {
    bytes.append(UInt8(ascii: "{"))
    let entries = table.entries
    // Their places are sorted: entries are larger.
    let order = entries.indices.sorted { entries[$0].key.utf8.lexicographicallyPrecedes(entries[$1].key.utf8) }
    for (at, place) in order.enumerated() {
      let entry = entries[place]
      if at > 0 { bytes.append(UInt8(ascii: ",")) }
      JSON.write(entry.key, to: &bytes)
      bytes.append(UInt8(ascii: ":"))
      write(entry.value, typeOf(entry.key))
    }
    bytes.append(UInt8(ascii: "}"))
  }

  private mutating func write(_ value: TOMLValue, _ type: KeyType) {
    switch (type.alternative(for: value) ?? .anything, value.content) {
    case (.duration, _): write(value.duration?.nanoseconds, else: value)
    case (.size, _): write(value.size?.bytes, else: value)
    case (.cpu, _): write(value.cpuMillicores, else: value)
    case (.text(.image), .string(let text)): JSON.write(ImageText(text).resolved(from: folder), to: &bytes)
    case (.text(.nodePath), .string(let text)): JSON.write(LexicalPath.resolve(text, from: folder), to: &bytes)
    case (.list(let element), .array(let items)): write(items, element)
    case (.map(_, let element), .table(let table)): write(table) { _ in element }
    case (.table(let keys), .table(let table)): write(table, keys)
    default: write(plain: value)
    }
  }

  private mutating func write(_ number: Int64?, else value: TOMLValue) {
    if let number { bytes += String(number).utf8 } else { write(plain: value) }
  }

  private mutating func write(_ items: [TOMLValue], _ type: KeyType) {
    bytes.append(UInt8(ascii: "["))
    for (at, item) in items.enumerated() {
      if at > 0 { bytes.append(UInt8(ascii: ",")) }
      write(item, type)
    }
    bytes.append(UInt8(ascii: "]"))
  }

  private mutating func write(plain value: TOMLValue) {
    switch value.content {
    case .string(let text): JSON.write(text, to: &bytes)
    case .integer(let number): bytes += String(number).utf8
    case .float(let number) where number.isFinite: bytes += "\(number)".utf8
    case .float(let number): JSON.write("\(number)", to: &bytes)
    case .boolean(let flag): bytes += (flag ? "true" : "false").utf8
    case .dateTime(let moment): JSON.write(moment.description, to: &bytes)
    case .array(let items): write(items, .anything)
    case .table(let table): write(table) { _ in .anything }
    }
  }
}
