import BerthCore

/// How far a pod had come, as the engine writes it.
public struct PastRecord: Sendable, Hashable {
  public var namespace: String
  public var name: String
  public var content: [UInt8]
  public init(namespace: String, name: String, content: [UInt8]) {
    self.namespace = namespace
    self.name = name
    self.content = content
  }
}

extension MetadataStore {
  /// All, by namespace and name.
  public func pasts() throws(BerthError) -> [PastRecord] {
    try query("SELECT namespace, name, content FROM pod_pasts ORDER BY namespace, name").compactMap { row in
      guard row.count == 3, let namespace = row[0].text, let name = row[1].text, let content = row[2].blob else { return nil }
      return PastRecord(namespace: namespace, name: name, content: content)
    }
  }

  /// All of it as one transaction.
  public func changePasts(put records: [PastRecord], remove gone: [(namespace: String, name: String)]) throws(BerthError) {
    try transaction { (database) throws(BerthError) in
      for record in records {
        try database.query(
          "INSERT OR REPLACE INTO pod_pasts (namespace, name, content) VALUES (?, ?, ?)",
          [.text(record.namespace), .text(record.name), .blob(record.content)])
      }
      for pod in gone {
        try database.query("DELETE FROM pod_pasts WHERE namespace = ? AND name = ?", [.text(pod.namespace), .text(pod.name)])
      }
    }
  }
}
