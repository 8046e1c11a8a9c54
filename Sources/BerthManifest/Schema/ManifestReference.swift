extension ManifestSchema {
  /// docs/manifest-reference.md: every key, from the table that the decoder checks by. `berth validate --reference` prints it, and a test
  /// holds the page to it.
  public static func reference() -> String {
    var writer = ReferenceWriter()
    writer.write(pod)
    while writer.text.hasSuffix("\n\n") { writer.text.removeLast() }
    return """
      # Manifest reference

      Every key of the manifest language, version 1, as `berth validate` checks it. What the keys mean together is told in [manifest.md](manifest.md); for
      editors there is the same as a JSON Schema: `berth validate --schema`. This page is generated (`berth validate --reference`).

      \(writer.text.dropLast())
      """
  }
}

private struct ReferenceWriter {
  var text = ""
  private var written: Set<String> = []

  /// The table, then those below it, each once.
  mutating func write(_ table: KeyTable) {
    guard written.insert(table.title).inserted else { return }
    text += "## \(table.title.hasPrefix("[") ? "`\(table.title)`" : table.title.hasPrefix("the ") ? "Pod" : "`\(table.title)`")\n\n"
    text += "| key | value | default | meaning |\n|---|---|---|---|\n"
    for key in table.keys {
      text +=
        "| `\(key.name)` | \(Self.cell(key.type.summary)) | \(key.defaultText.map { "`\(Self.cell($0))`" } ?? "") | \(Self.cell(key.doc)) |\n"
    }
    text += "\n"
    for key in table.keys { for inner in Self.tables(in: key.type) { write(inner) } }
  }

  private static func tables(in type: KeyType) -> [KeyTable] {
    switch type {
    case .table(let table): [table]
    case .list(let element), .map(_, let element): tables(in: element)
    case .either(let types): types.flatMap(tables)
    default: []
    }
  }

  private static func cell(_ text: String) -> String { text.replacing("|", with: "\\|") }
}
