import BerthCore

/// A manifest's content as written, in one spelling: comments, the order of keys and the spelling of sizes, durations and CPU don't count,
/// defaults are not filled in. Equal contents give equal bytes, in this version of Berth and every later one: the hash of these bytes is
/// what a running pod is compared by.
public enum CanonicalContent {
  /// `folder` is the manifest's: a relative path on the node counts as the place it names.
  public static func bytes(_ document: TOMLDocument, folder: String) -> [UInt8] {
    json(document.root, ManifestSchema.pod, folder).canonical()
  }

  private static func json(_ table: TOMLTable, _ keys: KeyTable, _ folder: String) -> JSON {
    var object = JSONObject()
    for entry in table.entries { object[entry.key] = json(entry.value, keys[entry.key]?.type ?? .anything, folder) }
    return .object(object)
  }

  private static func json(_ value: TOMLValue, _ type: KeyType, _ folder: String) -> JSON {
    let type = type.alternative(for: value) ?? .anything
    switch (type, value.content) {
    case (.duration, _): return value.duration.map { .integer($0.nanoseconds) } ?? plain(value)
    case (.size, _): return value.size.map { .integer($0.bytes) } ?? plain(value)
    case (.cpu, _): return value.cpuMillicores.map { .integer($0) } ?? plain(value)
    case (.text(.image), .string(let text)): return .string(ImageText(text).resolved(from: folder))
    case (.text(.nodePath), .string(let text)): return .string(LexicalPath.resolve(text, from: folder))
    case (.list(let element), .array(let items)): return .array(items.map { json($0, element, folder) })
    case (.map(_, let element), .table(let table)):
      var object = JSONObject()
      for entry in table.entries { object[entry.key] = json(entry.value, element, folder) }
      return .object(object)
    case (.table(let keys), .table(let table)): return json(table, keys, folder)
    default: return plain(value)
    }
  }

  private static func plain(_ value: TOMLValue) -> JSON {
    switch value.content {
    case .string(let text): .string(text)
    case .integer(let number): .integer(number)
    case .float(let number): number.isFinite ? .double(number) : .string("\(number)")
    case .boolean(let flag): .bool(flag)
    case .dateTime(let moment): .string(moment.description)
    case .array(let items): .array(items.map(plain))
    case .table(let table): .object(plain(table))
    }
  }

  private static func plain(_ table: TOMLTable) -> JSONObject {
    var object = JSONObject()
    for entry in table.entries { object[entry.key] = plain(entry.value) }
    return object
  }
}
