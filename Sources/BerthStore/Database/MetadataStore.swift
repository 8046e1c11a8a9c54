import BerthCore
import BerthLinux
import Synchronization

/// What Berth knows beyond the files themselves, in `ROOT/meta.db`. Safe to use from any thread. One daemon a root: nobody else
/// writes to it.
public final class MetadataStore: Sendable {
  // SQLite's connection moves between threads freely as long as one uses it at a time, which the lock guarantees.
  private struct Connection: @unchecked Sendable { let database: Database }
  private let connection: Mutex<Connection>

  /// Opens or makes the database at `path`, and migrates it to this version.
  public init(path: String) throws(BerthError) {
    let database = try Database(path: path)
    try Schema.migrate(database, path: path)
    connection = Mutex(Connection(database: database))
  }

  @discardableResult
  func query(_ text: String, _ parameters: [SQLValue] = []) throws(BerthError) -> [[SQLValue]] {
    try connection.withLock { (connection) throws(BerthError) in try connection.database.query(text, parameters) }
  }

  /// Runs `body` as one transaction: all of it or nothing. On stable storage when it returns, unless `isLasting` is false: then a power
  /// cut soon after may undo it, and everybody sees it all the same.
  func transaction<Result: Sendable>(
    isLasting: Bool = true, _ body: (Database) throws(BerthError) -> Result
  ) throws(BerthError) -> Result {
    try connection.withLock { (connection) throws(BerthError) in
      let database = connection.database
      if !isLasting { try database.execute(script: "PRAGMA synchronous=NORMAL") }
      defer { if !isLasting { try? database.execute(script: "PRAGMA synchronous=FULL") } }
      try database.execute(script: "BEGIN IMMEDIATE")
      do throws(BerthError) {
        let result = try body(database)
        try database.execute(script: "COMMIT")
        return result
      } catch {
        try? database.execute(script: "ROLLBACK")
        throw error
      }
    }
  }
}
