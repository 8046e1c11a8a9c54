import BerthCore

/// A container that somebody made by hand (`berth container create`, `berth run`): it belongs to no manifest.
public struct HandMadeRecord: Sendable, Hashable {
  public var namespace: String
  public var name: String
  /// The manifest that describes it, as TOML.
  public var content: [UInt8]
  /// Wall clock, seconds since 1970; for display.
  public var created: Int64

  public init(namespace: String, name: String, content: [UInt8], created: Int64) {
    self.namespace = namespace
    self.name = name
    self.content = content
    self.created = created
  }
}

extension MetadataStore {
  /// All, by namespace and name.
  public func handMade() throws(BerthError) -> [HandMadeRecord] {
    try query("SELECT namespace, name, content, created FROM containers ORDER BY namespace, name").compactMap { row in
      guard row.count == 4, let namespace = row[0].text, let name = row[1].text, let content = row[2].blob, let created = row[3].integer
      else { return nil }
      return HandMadeRecord(namespace: namespace, name: name, content: content, created: created)
    }
  }

  /// Throws `.alreadyExists` for a name that is taken.
  public func addHandMade(_ record: HandMadeRecord) throws(BerthError) {
    try query(
      "INSERT INTO containers (namespace, name, content, created) VALUES (?, ?, ?, ?)",
      [.text(record.namespace), .text(record.name), .blob(record.content), .integer(record.created)])
  }

  /// Whether there was one.
  @discardableResult
  public func removeHandMade(namespace: String, name: String) throws(BerthError) -> Bool {
    try !query("DELETE FROM containers WHERE namespace = ? AND name = ? RETURNING 1", [.text(namespace), .text(name)]).isEmpty
  }
}
