import BerthCore

/// Namespaces that somebody made by name. Others are there as long as something is in them.
extension MetadataStore {
  public func namespaces() throws(BerthError) -> [String] {
    try query("SELECT name FROM namespaces ORDER BY name").compactMap { $0.first?.text }
  }

  /// `created`: wall clock, seconds since 1970. Throws `.alreadyExists`.
  public func addNamespace(_ name: String, created: Int64) throws(BerthError) {
    try query("INSERT INTO namespaces (name, created) VALUES (?, ?)", [.text(name), .integer(created)])
  }

  /// Whether there was one.
  @discardableResult
  public func removeNamespace(_ name: String) throws(BerthError) -> Bool {
    try !query("DELETE FROM namespaces WHERE name = ? RETURNING 1", [.text(name)]).isEmpty
  }
}
