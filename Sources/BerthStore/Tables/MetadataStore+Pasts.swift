import BerthCore

/// How far a pod had come.
extension MetadataStore {
  /// All, by namespace and name.
  public func pasts() throws(BerthError) -> [PodContent] { try podContents(of: "pod_pasts") }

  /// All of it as one transaction.
  public func changePasts(put records: [PodContent], remove gone: [(namespace: String, name: String)]) throws(BerthError) {
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
