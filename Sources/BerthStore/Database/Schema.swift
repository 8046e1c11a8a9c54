import BerthCore

/// The tables, version by version and revision by revision. Neither changes once it has landed, and a fixture of each stays in the tests.
///
/// A downgrade must find its database usable, so what an older program can overlook (a new table, a new column with a default) is an
/// addition: it raises the revision, which older programs don't look at. Only what they would misread raises the version, which they refuse.
enum Schema {
  static let version: Int64 = 1

  /// What makes version N of version N-1, at index N-1. Version 0 is an empty file.
  static let migrations: [String] = [
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE images (
      reference TEXT PRIMARY KEY,
      manifest TEXT NOT NULL,
      media_type TEXT NOT NULL,
      image_index TEXT,
      source TEXT,
      created INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE layers (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      chain TEXT NOT NULL UNIQUE,
      diff TEXT NOT NULL,
      parent TEXT,
      ready INTEGER NOT NULL DEFAULT 0,
      size INTEGER NOT NULL DEFAULT 0,
      created INTEGER NOT NULL
    );
    CREATE TABLE pods_last_good (
      namespace TEXT NOT NULL,
      name TEXT NOT NULL,
      path TEXT NOT NULL,
      hash TEXT NOT NULL,
      content BLOB NOT NULL,
      updated INTEGER NOT NULL,
      PRIMARY KEY (namespace, name)
    ) WITHOUT ROWID;
    INSERT INTO meta VALUES ('version', '1');
    """
  ]

  /// What makes revision N of revision N-1, at index N-1. A database without a word on it has revision 0.
  static let additions: [String] = [
    """
    CREATE TABLE containers (
      namespace TEXT NOT NULL,
      name TEXT NOT NULL,
      content BLOB NOT NULL,
      created INTEGER NOT NULL,
      PRIMARY KEY (namespace, name)
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE images ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE images ADD COLUMN last_used INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE leases (
      id TEXT PRIMARY KEY,
      kind TEXT NOT NULL,
      subject TEXT NOT NULL,
      created INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE lease_resources (
      lease TEXT NOT NULL REFERENCES leases (id) ON DELETE CASCADE,
      kind TEXT NOT NULL,
      digest TEXT NOT NULL,
      PRIMARY KEY (lease, kind, digest)
    ) WITHOUT ROWID;
    CREATE TABLE bundles (path TEXT PRIMARY KEY, identity TEXT NOT NULL) WITHOUT ROWID;
    """,
    """
    CREATE TABLE pod_rollouts (
      namespace TEXT NOT NULL,
      name TEXT NOT NULL,
      content BLOB NOT NULL,
      PRIMARY KEY (namespace, name)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE namespaces (name TEXT PRIMARY KEY, created INTEGER NOT NULL) WITHOUT ROWID;
    """,
    """
    CREATE TABLE pod_pasts (
      namespace TEXT NOT NULL,
      name TEXT NOT NULL,
      content BLOB NOT NULL,
      PRIMARY KEY (namespace, name)
    ) WITHOUT ROWID;
    """,
    // LayerRecord.boot. What programs before it made ready was on stable storage.
    "ALTER TABLE layers ADD COLUMN boot TEXT;",
  ]

  /// Brings a database to this program's version in one transaction, or says why it can't be used.
  static func migrate(_ database: Database, path: String) throws(BerthError) {
    try database.execute(script: "BEGIN IMMEDIATE")
    do throws(BerthError) {
      let found = try current(database, path: path)
      guard found <= version else {
        throw BerthError(
          .failedPrecondition, "open database", path,
          cause: "its schema is version \(found), this Berth knows versions up to \(version): it was written by a newer Berth; run that one"
        )
      }
      for (at, script) in migrations.enumerated() where at >= found { try database.execute(script: script) }
      if found < version { try database.query("UPDATE meta SET value = ? WHERE key = 'version'", [.text("\(version)")]) }
      try add(database)
      try database.execute(script: "COMMIT")
    } catch {
      try? database.execute(script: "ROLLBACK")
      throw error
    }
  }

  private static func add(_ database: Database) throws(BerthError) {
    let text = try database.query("SELECT value FROM meta WHERE key = 'revision'").first?.first?.text
    let found = text.flatMap { Int($0) } ?? 0
    guard found < additions.count else { return }
    for script in additions[max(found, 0)...] { try database.execute(script: script) }
    try database.query("INSERT OR REPLACE INTO meta VALUES ('revision', ?)", [.text("\(additions.count)")])
  }

  private static func current(_ database: Database, path: String) throws(BerthError) -> Int64 {
    guard try !database.query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'meta'").isEmpty else { return 0 }
    guard let text = try database.query("SELECT value FROM meta WHERE key = 'version'").first?.first?.text, let number = Int64(text),
      number > 0
    else {
      throw BerthError(.dataLoss, "open database", path, cause: "it has no schema version")
    }
    return number
  }
}
