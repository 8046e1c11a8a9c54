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

  public init(reference: String, manifest: Digest, mediaType: String, index: Digest?, source: String?, created: Int64) {
    self.reference = reference
    self.manifest = manifest
    self.mediaType = mediaType
    self.index = index
    self.source = source
    self.created = created
  }

  init?(row: [SQLValue]) {
    guard row.count == 6, let reference = row[0].text, let manifest = row[1].text.flatMap({ Digest($0) }), let mediaType = row[2].text,
      let created = row[5].integer
    else { return nil }
    self.init(
      reference: reference, manifest: manifest, mediaType: mediaType, index: row[3].text.flatMap { Digest($0) }, source: row[4].text,
      created: created)
  }
}

extension MetadataStore {
  private static let imageColumns = "reference, manifest, media_type, image_index, source, created"

  public func image(_ reference: String) throws(BerthError) -> ImageRecord? {
    try query("SELECT \(Self.imageColumns) FROM images WHERE reference = ?", [.text(reference)]).first.flatMap { ImageRecord(row: $0) }
  }

  /// All, by reference.
  public func images() throws(BerthError) -> [ImageRecord] {
    try query("SELECT \(Self.imageColumns) FROM images ORDER BY reference").compactMap { ImageRecord(row: $0) }
  }

  /// Records an image, in place of what the reference stood for, and in the same step marks its layers ready: identifier → bytes.
  public func putImage(_ record: ImageRecord, readyLayers: [Int64: Int64] = [:]) throws(BerthError) {
    try transaction { (database) throws(BerthError) in
      for (id, size) in readyLayers {
        try database.query("UPDATE layers SET ready = 1, size = ? WHERE id = ?", [.integer(size), .integer(id)])
      }
      try database.query(
        "INSERT OR REPLACE INTO images (\(Self.imageColumns)) VALUES (?, ?, ?, ?, ?, ?)",
        [
          .text(record.reference), .text(record.manifest.description), .text(record.mediaType), .optional(record.index?.description),
          .optional(record.source), .integer(record.created),
        ])
    }
  }

  /// Whether there was one.
  public func removeImage(_ reference: String) throws(BerthError) -> Bool {
    try !query("DELETE FROM images WHERE reference = ? RETURNING 1", [.text(reference)]).isEmpty
  }
}
