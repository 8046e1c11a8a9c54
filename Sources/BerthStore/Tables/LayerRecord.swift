import BerthCore

/// A layer unpacked on top of certain others, in the directory `snapshots/l/ID`.
public struct LayerRecord: Sendable, Hashable {
  public var id: Int64
  public var chain: Digest
  public var diff: Digest
  /// The chain below it.
  public var parent: Digest?
  /// Complete and on stable storage.
  public var isReady: Bool
  /// Of its files' content, in bytes.
  public var size: Int64

  public init(id: Int64, chain: Digest, diff: Digest, parent: Digest?, isReady: Bool, size: Int64) {
    self.id = id
    self.chain = chain
    self.diff = diff
    self.parent = parent
    self.isReady = isReady
    self.size = size
  }

  init?(row: [SQLValue]) {
    guard row.count == 6, let id = row[0].integer, let chain = row[1].text.flatMap({ Digest($0) }),
      let diff = row[2].text.flatMap({ Digest($0) }),
      let ready = row[4].integer, let size = row[5].integer
    else { return nil }
    self.init(id: id, chain: chain, diff: diff, parent: row[3].text.flatMap { Digest($0) }, isReady: ready != 0, size: size)
  }
}

extension MetadataStore {
  private static let layerColumns = "id, chain, diff, parent, ready, size"

  public func layer(_ chain: Digest) throws(BerthError) -> LayerRecord? {
    try query("SELECT \(Self.layerColumns) FROM layers WHERE chain = ?", [.text(chain.description)]).first.flatMap { LayerRecord(row: $0) }
  }

  /// All, oldest first.
  public func layers() throws(BerthError) -> [LayerRecord] {
    try query("SELECT \(Self.layerColumns) FROM layers ORDER BY id").compactMap { LayerRecord(row: $0) }
  }

  /// What a new layer is made of.
  public typealias NewLayer = (chain: Digest, diff: Digest, parent: Digest?)

  /// New layers, not ready: their identifiers, which no other layers have had or will have. One commit for all.
  public func addLayers(_ layers: [NewLayer], created: Int64) throws(BerthError) -> [Int64] {
    guard !layers.isEmpty else { return [] }
    return try transaction { (database) throws(BerthError) in
      var identifiers: [Int64] = []
      for layer in layers {
        try database.query(
          "INSERT INTO layers (chain, diff, parent, created) VALUES (?, ?, ?, ?)",
          [.text(layer.chain.description), .text(layer.diff.description), .optional(layer.parent?.description), .integer(created)])
        identifiers.append(database.lastInserted)
      }
      return identifiers
    }
  }

  /// As `addLayers`, for one.
  public func addLayer(chain: Digest, diff: Digest, parent: Digest?, created: Int64) throws(BerthError) -> Int64 {
    try addLayers([(chain, diff, parent)], created: created)[0]
  }

  /// Removes a ready layer that no lease protects; whether it did.
  public func removeUnleasedLayer(_ id: Int64) throws(BerthError) -> Bool {
    try !query(
      """
      DELETE FROM layers WHERE id = ? AND ready = 1
        AND chain NOT IN (SELECT digest FROM lease_resources WHERE kind = 'layer') RETURNING 1
      """, [.integer(id)]
    ).isEmpty
  }

  public func removeLayer(_ id: Int64) throws(BerthError) { try query("DELETE FROM layers WHERE id = ?", [.integer(id)]) }
}
