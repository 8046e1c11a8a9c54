import BerthCore

/// A pod's revisions, as the engine writes them.
public struct RolloutRecord: Sendable, Hashable {
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
  public func rollouts() throws(BerthError) -> [RolloutRecord] {
    try query("SELECT namespace, name, content FROM pod_rollouts ORDER BY namespace, name").compactMap { row in
      guard row.count == 3, let namespace = row[0].text, let name = row[1].text, let content = row[2].blob else { return nil }
      return RolloutRecord(namespace: namespace, name: name, content: content)
    }
  }

  /// In place of what was recorded for the pod.
  public func putRollout(_ record: RolloutRecord) throws(BerthError) {
    try query(
      "INSERT OR REPLACE INTO pod_rollouts (namespace, name, content) VALUES (?, ?, ?)",
      [.text(record.namespace), .text(record.name), .blob(record.content)])
  }

  public func removeRollout(namespace: String, name: String) throws(BerthError) {
    try query("DELETE FROM pod_rollouts WHERE namespace = ? AND name = ?", [.text(namespace), .text(name)])
  }
}
