import BerthCore

/// Keeps what is in use from being collected, on stable storage: whoever works on content holds one, and the collector reads them,
/// never anybody's memory.
public struct LeaseRecord: Sendable, Hashable {
  public enum Kind: String, Sendable {
    /// A pull or an import. None survives its daemon.
    case pull
    /// An export or a push. None survives its daemon.
    case export
    /// An image mounted for a person. It lives as long as the mount.
    case mount
  }

  /// What a lease protects.
  public enum Resource: Sendable, Hashable {
    /// A manifest, and all that it leads to.
    case image(Digest)
    /// An unpacked layer, by its chain ID.
    case layer(Digest)

    var row: (kind: String, digest: Digest) {
      switch self {
      case .image(let digest): ("image", digest)
      case .layer(let digest): ("layer", digest)
      }
    }
  }

  public var id: String
  public var kind: Kind
  /// What it is held for: a reference, a mount point.
  public var subject: String
  /// Wall clock, nanoseconds since 1970: blobs that were used since are younger.
  public var created: Int64

  public init(id: String, kind: Kind, subject: String, created: Int64) {
    self.id = id
    self.kind = kind
    self.subject = subject
    self.created = created
  }
}

extension MetadataStore {
  /// On stable storage when it returns. Throws `alreadyExists` if the identifier is taken.
  public func addLease(_ lease: LeaseRecord, _ resources: [LeaseRecord.Resource] = []) throws(BerthError) {
    try transaction { (database) throws(BerthError) in
      try database.query(
        "INSERT INTO leases (id, kind, subject, created) VALUES (?, ?, ?, ?)",
        [.text(lease.id), .text(lease.kind.rawValue), .text(lease.subject), .integer(lease.created)])
      try Self.add(resources, to: lease.id, database)
    }
  }

  /// One that isn't there is fine. Waits for no disk: after a power cut none of them is in force anyway.
  public func removeLease(_ id: String) throws(BerthError) {
    try transaction(isLasting: false) { (database) throws(BerthError) in
      _ = try database.query("DELETE FROM leases WHERE id = ?", [.text(id)])
    }
  }

  /// All of the given kinds, oldest first.
  public func leases(_ kinds: LeaseRecord.Kind...) throws(BerthError) -> [LeaseRecord] {
    try query("SELECT id, kind, subject, created FROM leases ORDER BY created, id").compactMap { row in
      guard row.count == 4, let id = row[0].text, let kind = row[1].text.flatMap({ LeaseRecord.Kind(rawValue: $0) }),
        let subject = row[2].text, let created = row[3].integer, kinds.contains(kind)
      else { return nil }
      return LeaseRecord(id: id, kind: kind, subject: subject, created: created)
    }
  }

  /// The manifests that leases protect.
  public func leasedImages() throws(BerthError) -> Set<Digest> {
    Set(try query("SELECT DISTINCT digest FROM lease_resources WHERE kind = 'image'").compactMap { $0.first?.text.flatMap { Digest($0) } })
  }

  static func add(_ resources: [LeaseRecord.Resource], to lease: String, _ database: Database) throws(BerthError) {
    for resource in resources {
      try database.query(
        "INSERT OR IGNORE INTO lease_resources (lease, kind, digest) VALUES (?, ?, ?)",
        [.text(lease), .text(resource.row.kind), .text(resource.row.digest.description)])
    }
  }
}
