import BerthCore

/// A layer unpacked on top of certain others, in the directory `snapshots/l/ID`.
public struct LayerRecord: Sendable, Hashable {
  public var id: Int64
  public var chain: Digest
  public var diff: Digest
  /// The chain below it.
  public var parent: Digest?
  /// Complete, so that containers may run on it.
  public var isReady: Bool
  /// Of its files' content, in bytes.
  public var size: Int64
  /// The ID of the boot of the node that it was unpacked in, for which the kernel has its files in memory; nil once they are on stable
  /// storage. Nobody waits for that: where the power goes before, they are unpacked again from the blobs, which are there before an image is
  /// known.
  public var boot: String?

  public init(id: Int64, chain: Digest, diff: Digest, parent: Digest?, isReady: Bool, size: Int64, boot: String?) {
    self.id = id
    self.chain = chain
    self.diff = diff
    self.parent = parent
    self.isReady = isReady
    self.size = size
    self.boot = boot
  }

  init?(row: [SQLValue]) {
    guard row.count == 7, let id = row[0].integer, let chain = row[1].text.flatMap({ Digest($0) }),
      let diff = row[2].text.flatMap({ Digest($0) }),
      let ready = row[4].integer, let size = row[5].integer
    else { return nil }
    self.init(
      id: id, chain: chain, diff: diff, parent: row[3].text.flatMap { Digest($0) }, isReady: ready != 0, size: size, boot: row[6].text)
  }
}

extension MetadataStore {
  private static let layerColumns = "id, chain, diff, parent, ready, size, boot"

  public func layer(_ chain: Digest) throws(BerthError) -> LayerRecord? {
    try query(Self.layerByChain, [.text(chain.description)]).first.flatMap { LayerRecord(row: $0) }
  }

  private static let layerByChain = "SELECT \(layerColumns) FROM layers WHERE chain = ?"

  private static func layer(_ chain: Digest, _ database: Database) throws(BerthError) -> LayerRecord? {
    try database.query(layerByChain, [.text(chain.description)]).first.flatMap { LayerRecord(row: $0) }
  }

  /// All, oldest first.
  public func layers() throws(BerthError) -> [LayerRecord] {
    try query("SELECT \(Self.layerColumns) FROM layers ORDER BY id").compactMap { LayerRecord(row: $0) }
  }

  /// What a new layer is made of.
  public typealias NewLayer = (chain: Digest, diff: Digest, parent: Digest?)

  /// For each the ready layer that `isWhole` says of that it can be used, or else a new one, not ready, whose identifier no other layer
  /// has had or will have: in place of one that isn't whole, or that somebody else has begun. The lease protects them all. One commit.
  /// `boot`: the present one's ID, in which new layers are unpacked.
  public func claimLayers(
    _ layers: [NewLayer], lease: String, created: Int64, boot: String, isWhole: (LayerRecord) -> Bool
  ) throws(BerthError) -> [LayerRecord] {
    try transaction { (database) throws(BerthError) in
      try Self.add(layers.map { .layer($0.chain) }, to: lease, database)
      var records: [LayerRecord] = []
      for layer in layers {
        let known = try Self.layer(layer.chain, database)
        if let known, known.isReady, isWhole(known) {
          records.append(known)
          continue
        }
        if let known { try database.query("DELETE FROM layers WHERE id = ?", [.integer(known.id)]) }
        let id = try Self.insert(layer, created, database)
        records.append(
          LayerRecord(id: id, chain: layer.chain, diff: layer.diff, parent: layer.parent, isReady: false, size: 0, boot: boot))
      }
      return records
    }
  }

  /// A new layer, not ready: its identifier, which no other layer has had or will have.
  public func addLayer(chain: Digest, diff: Digest, parent: Digest?, created: Int64) throws(BerthError) -> Int64 {
    try transaction { (database) throws(BerthError) in try Self.insert((chain, diff, parent), created, database) }
  }

  private static func insert(_ layer: NewLayer, _ created: Int64, _ database: Database) throws(BerthError) -> Int64 {
    try database.query(
      "INSERT INTO layers (chain, diff, parent, created) VALUES (?, ?, ?, ?)",
      [.text(layer.chain.description), .text(layer.diff.description), .optional(layer.parent?.description), .integer(created)])
    return database.lastInserted
  }

  /// Makes the layer ready, whether or not somebody else has begun it anew meanwhile. False where another one is ready in its place.
  static func complete(_ layer: LayerRecord, created: Int64, _ database: Database) throws(BerthError) -> Bool {
    try database.query("DELETE FROM layers WHERE chain = ? AND ready = 0", [.text(layer.chain.description)])
    return try !database.query(
      "INSERT OR IGNORE INTO layers (id, chain, diff, parent, ready, size, created, boot) VALUES (?, ?, ?, ?, 1, ?, ?, ?) RETURNING 1",
      [
        .integer(layer.id), .text(layer.chain.description), .text(layer.diff.description), .optional(layer.parent?.description),
        .integer(layer.size), .integer(created), .optional(layer.boot),
      ]
    ).isEmpty
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

  /// Their files are on stable storage. Waits for no disk: what a power cut undoes of it has a layer unpacked once more than needed.
  public func setDurable(_ layers: Set<Int64>) throws(BerthError) {
    try transaction(isLasting: false) { (database) throws(BerthError) in
      for id in layers { try database.query("UPDATE layers SET boot = NULL WHERE id = ?", [.integer(id)]) }
    }
  }

  public func removeLayer(_ id: Int64) throws(BerthError) { try query("DELETE FROM layers WHERE id = ?", [.integer(id)]) }
}
