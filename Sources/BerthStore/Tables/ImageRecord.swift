import BerthCore

/// What a reference was resolved to when it was last pulled.
public struct ImageRecord: Sendable, Hashable {
  /// In its completed form.
  public var reference: String
  /// Of the manifest for this node's platform.
  public var manifest: Digest
  public var mediaType: String
  /// Of the index that led to it, if one did.
  public var index: Digest?
  /// For local transports: what identified the file when it was read.
  public var source: String?
  /// Wall clock, seconds since 1970; for display.
  public var created: Int64
  /// Never removed to make room.
  public var isPinned: Bool
  /// When a container was last seen to use it, wall clock, seconds since 1970; 0: not yet.
  public var lastUsed: Int64

  public init(
    reference: String, manifest: Digest, mediaType: String, index: Digest?, source: String?, created: Int64, isPinned: Bool = false,
    lastUsed: Int64 = 0
  ) {
    self.reference = reference
    self.manifest = manifest
    self.mediaType = mediaType
    self.index = index
    self.source = source
    self.created = created
    self.isPinned = isPinned
    self.lastUsed = lastUsed
  }

  init?(row: [SQLValue]) {
    guard row.count == 8, let reference = row[0].text, let manifest = row[1].text.flatMap({ Digest($0) }), let mediaType = row[2].text,
      let created = row[5].integer, let pinned = row[6].integer, let lastUsed = row[7].integer
    else { return nil }
    self.init(
      reference: reference, manifest: manifest, mediaType: mediaType, index: row[3].text.flatMap { Digest($0) }, source: row[4].text,
      created: created, isPinned: pinned != 0, lastUsed: lastUsed)
  }
}

extension MetadataStore {
  private static let imageColumns = "reference, manifest, media_type, image_index, source, created, pinned, last_used"

  public func image(_ reference: String) throws(BerthError) -> ImageRecord? {
    try query("SELECT \(Self.imageColumns) FROM images WHERE reference = ?", [.text(reference)]).first.flatMap { ImageRecord(row: $0) }
  }

  /// All, by reference.
  public func images() throws(BerthError) -> [ImageRecord] {
    try query("SELECT \(Self.imageColumns) FROM images ORDER BY reference").compactMap { ImageRecord(row: $0) }
  }

  /// Records an image, in place of what the reference stood for, and in the same step makes its layers ready. What was pinned stays
  /// pinned. Returns those of `readyLayers` in whose place others are ready already.
  @discardableResult
  public func putImage(_ record: ImageRecord, readyLayers: [LayerRecord] = []) throws(BerthError) -> Set<Int64> {
    try putImages([record], readyLayers: readyLayers)
  }

  /// As `putImage`, for one image under several names.
  public func putImages(_ records: [ImageRecord], readyLayers: [LayerRecord] = []) throws(BerthError) -> Set<Int64> {
    try transaction { (database) throws(BerthError) in
      var surplus: Set<Int64> = []
      for layer in readyLayers {
        if try !Self.complete(layer, created: records.first?.created ?? 0, database) { surplus.insert(layer.id) }
      }
      for record in records { try Self.put(record, database) }
      return surplus
    }
  }

  private static func put(_ record: ImageRecord, _ database: Database) throws(BerthError) {
    try database.query(
      """
      INSERT INTO images (\(imageColumns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (reference) DO UPDATE SET manifest = excluded.manifest, media_type = excluded.media_type,
        image_index = excluded.image_index, source = excluded.source, created = excluded.created, pinned = max(pinned, excluded.pinned)
      """,
      [
        .text(record.reference), .text(record.manifest.description), .text(record.mediaType), .optional(record.index?.description),
        .optional(record.source), .integer(record.created), .integer(record.isPinned ? 1 : 0), .integer(record.lastUsed),
      ])
  }

  /// Whether there was one.
  public func pinImage(_ reference: String, _ isPinned: Bool) throws(BerthError) -> Bool {
    try !query("UPDATE images SET pinned = ? WHERE reference = ? RETURNING 1", [.integer(isPinned ? 1 : 0), .text(reference)]).isEmpty
  }

  /// Of all names that these manifests have.
  public func setLastUsed(_ manifests: Set<Digest>, _ time: Int64) throws(BerthError) {
    guard !manifests.isEmpty else { return }
    try transaction { (database) throws(BerthError) in
      for digest in manifests {
        try database.query("UPDATE images SET last_used = ? WHERE manifest = ?", [.integer(time), .text(digest.description)])
      }
    }
  }

  /// Whether there was one.
  public func removeImage(_ reference: String) throws(BerthError) -> Bool {
    try !query("DELETE FROM images WHERE reference = ? RETURNING 1", [.text(reference)]).isEmpty
  }
}
