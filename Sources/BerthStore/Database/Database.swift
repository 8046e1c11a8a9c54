import BerthCore
import CSQLite

/// A value of a column or a parameter.
public enum SQLValue: Sendable, Hashable {
  case null
  case integer(Int64)
  case text(String)
  case blob([UInt8])

  public var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
  public var text: String? { if case .text(let text) = self { text } else { nil } }
  public var blob: [UInt8]? { if case .blob(let bytes) = self { bytes } else { nil } }
  public static func optional(_ text: String?) -> SQLValue { text.map(SQLValue.text) ?? .null }
}

/// One connection to an SQLite file: WAL, `synchronous=FULL` (what was committed survives a power cut). Not for two threads at once;
/// `MetadataStore` sees to that.
final class Database {
  private let handle: OpaquePointer
  private let path: String
  /// Prepared once for each text: all texts are the program's own.
  private var statements: [String: OpaquePointer] = [:]

  init(path: String) throws(BerthError) {
    var handle: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOFOLLOW
    let result = sqlite3_open_v2(path, &handle, flags, nil)
    guard result == SQLITE_OK, let handle else {
      let cause = handle.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
      sqlite3_close_v2(handle)
      throw BerthError(.unavailable, "open database", path, cause: cause)
    }
    self.handle = handle
    self.path = path
    sqlite3_busy_timeout(handle, 5000)
    for pragma in ["journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"] { try query("PRAGMA \(pragma)") }
  }

  deinit {
    for statement in statements.values { sqlite3_finalize(statement) }
    sqlite3_close_v2(handle)
  }

  private func failure(_ operation: String) -> BerthError {
    let code: ErrorCode =
      switch sqlite3_errcode(handle) {
      case SQLITE_FULL: .resourceExhausted
      case SQLITE_CORRUPT, SQLITE_NOTADB: .dataLoss
      case SQLITE_CONSTRAINT: .alreadyExists
      default: .unavailable
      }
    return BerthError(code, operation, path, cause: String(cString: sqlite3_errmsg(handle)))
  }

  /// Runs a script of several statements.
  func execute(script: String) throws(BerthError) {
    guard sqlite3_exec(handle, script, nil, nil, nil) == SQLITE_OK else { throw failure("change database") }
  }

  /// The rows of one statement.
  @discardableResult
  func query(_ text: String, _ parameters: [SQLValue] = []) throws(BerthError) -> [[SQLValue]] {
    let statement = try prepare(text)
    defer {
      sqlite3_reset(statement)
      sqlite3_clear_bindings(statement)
    }
    for (at, value) in parameters.enumerated() { try bind(value, at: Int32(at + 1), statement) }
    var rows: [[SQLValue]] = []
    while true {
      switch sqlite3_step(statement) {
      case SQLITE_ROW: rows.append((0..<sqlite3_column_count(statement)).map { Self.column(statement, $0) })
      case SQLITE_DONE: return rows
      default: throw failure("use database")
      }
    }
  }

  /// The identifier that the last INSERT made.
  var lastInserted: Int64 { sqlite3_last_insert_rowid(handle) }

  private func prepare(_ text: String) throws(BerthError) -> OpaquePointer {
    if let known = statements[text] { return known }
    var statement: OpaquePointer?
    guard sqlite3_prepare_v3(handle, text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil) == SQLITE_OK, let statement else {
      throw failure("use database")
    }
    statements[text] = statement
    return statement
  }

  private func bind(_ value: SQLValue, at position: Int32, _ statement: OpaquePointer) throws(BerthError) {
    // SQLITE_TRANSIENT, which Swift cannot import: SQLite makes a copy.
    let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    let result =
      switch value {
      case .null: sqlite3_bind_null(statement, position)
      case .integer(let number): sqlite3_bind_int64(statement, position, number)
      case .text(let text): sqlite3_bind_text(statement, position, text, -1, transient)
      case .blob(let bytes):
        bytes.isEmpty
          ? sqlite3_bind_zeroblob(statement, position, 0)
          : sqlite3_bind_blob(statement, position, bytes, Int32(clamping: bytes.count), transient)
      }
    guard result == SQLITE_OK else { throw failure("use database") }
  }

  private static func column(_ statement: OpaquePointer, _ at: Int32) -> SQLValue {
    switch sqlite3_column_type(statement, at) {
    case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, at))
    case SQLITE_TEXT: return sqlite3_column_text(statement, at).map { .text(String(cString: $0)) } ?? .null
    case SQLITE_BLOB:
      let count = Int(sqlite3_column_bytes(statement, at))
      guard count > 0, let base = sqlite3_column_blob(statement, at) else { return .blob([]) }
      return .blob(Array(UnsafeRawBufferPointer(start: base, count: count)))
    default: return .null
    }
  }
}
