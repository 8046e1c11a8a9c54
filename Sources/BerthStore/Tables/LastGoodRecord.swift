import BerthCore

/// The last content of a pod's manifest that was valid: what the pod goes on with while the file is broken.
public struct LastGoodRecord: Sendable, Hashable {
  public var namespace: String
  public var name: String
  /// Of the manifest file.
  public var path: String
  /// Of the canonical content.
  public var hash: String
  public var content: [UInt8]
  /// Wall clock, seconds since 1970; for display.
  public var updated: Int64

  public init(namespace: String, name: String, path: String, hash: String, content: [UInt8], updated: Int64) {
    self.namespace = namespace
    self.name = name
    self.path = path
    self.hash = hash
    self.content = content
    self.updated = updated
  }

  init?(row: [SQLValue]) {
    guard row.count == 6, let namespace = row[0].text, let name = row[1].text, let path = row[2].text, let hash = row[3].text,
      let content = row[4].blob, let updated = row[5].integer
    else { return nil }
    self.init(namespace: namespace, name: name, path: path, hash: hash, content: content, updated: updated)
  }
}

extension MetadataStore {
  private static let lastGoodColumns = "namespace, name, path, hash, content, updated"

  public func lastGood(namespace: String, name: String) throws(BerthError) -> LastGoodRecord? {
    try query("SELECT \(Self.lastGoodColumns) FROM pods_last_good WHERE namespace = ? AND name = ?", [.text(namespace), .text(name)])
      .first.flatMap { LastGoodRecord(row: $0) }
  }

  /// All, by namespace and name.
  public func lastGood() throws(BerthError) -> [LastGoodRecord] {
    try query("SELECT \(Self.lastGoodColumns) FROM pods_last_good ORDER BY namespace, name").compactMap { LastGoodRecord(row: $0) }
  }

  /// In place of what was recorded for the pod.
  public func putLastGood(_ record: LastGoodRecord) throws(BerthError) { try changeLastGood(put: [record], remove: []) }

  /// All of it as one transaction: a directory of many manifests costs one commit.
  public func changeLastGood(put records: [LastGoodRecord], remove gone: [(namespace: String, name: String)]) throws(BerthError) {
    let insertion = "INSERT OR REPLACE INTO pods_last_good (\(Self.lastGoodColumns)) VALUES (?, ?, ?, ?, ?, ?)"
    try transaction { (database) throws(BerthError) in
      for record in records {
        try database.query(
          insertion,
          [
            .text(record.namespace), .text(record.name), .text(record.path), .text(record.hash), .blob(record.content),
            .integer(record.updated),
          ])
      }
      for pod in gone {
        try database.query("DELETE FROM pods_last_good WHERE namespace = ? AND name = ?", [.text(pod.namespace), .text(pod.name)])
      }
    }
  }

  /// Whether there was one.
  @discardableResult
  public func removeLastGood(namespace: String, name: String) throws(BerthError) -> Bool {
    try !query("DELETE FROM pods_last_good WHERE namespace = ? AND name = ? RETURNING 1", [.text(namespace), .text(name)]).isEmpty
  }
}
