import BerthCore

/// What the engine keeps of a pod, as it writes it: a row of a table that has one for each pod.
public struct PodContent: Sendable, Hashable {
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
  /// All of `table`, by namespace and name.
  func podContents(of table: String) throws(BerthError) -> [PodContent] {
    try query("SELECT namespace, name, content FROM \(table) ORDER BY namespace, name").compactMap { row in
      guard row.count == 3, let namespace = row[0].text, let name = row[1].text, let content = row[2].blob else { return nil }
      return PodContent(namespace: namespace, name: name, content: content)
    }
  }
}
