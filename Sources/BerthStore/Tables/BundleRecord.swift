import BerthCore

/// Archives of the bundle directory that were imported: by their path, and what identified the file then.
extension MetadataStore {
  public func bundles() throws(BerthError) -> [String: String] {
    var bundles: [String: String] = [:]
    for row in try query("SELECT path, identity FROM bundles") { if let path = row[0].text { bundles[path] = row[1].text } }
    return bundles
  }

  public func putBundle(_ path: String, identity: String) throws(BerthError) {
    try query("INSERT OR REPLACE INTO bundles (path, identity) VALUES (?, ?)", [.text(path), .text(identity)])
  }

  public func removeBundle(_ path: String) throws(BerthError) { try query("DELETE FROM bundles WHERE path = ?", [.text(path)]) }
}
