import BerthCore

/// A pod's revisions.
extension MetadataStore {
  /// All, by namespace and name.
  public func rollouts() throws(BerthError) -> [PodContent] { try podContents(of: "pod_rollouts") }

  /// In place of what was recorded for the pod.
  public func putRollout(_ record: PodContent) throws(BerthError) {
    try query(
      "INSERT OR REPLACE INTO pod_rollouts (namespace, name, content) VALUES (?, ?, ?)",
      [.text(record.namespace), .text(record.name), .blob(record.content)])
  }

  public func removeRollout(namespace: String, name: String) throws(BerthError) {
    try query("DELETE FROM pod_rollouts WHERE namespace = ? AND name = ?", [.text(namespace), .text(name)])
  }
}
