/// The last lines of a log, while all of it passes by.
public struct LastLines: Sendable {
  private let limit: Int
  private var kept: [LogRecord] = []
  /// Of `kept`, those that are too old; taken out once they are as many as the others, so that a line costs the same however many are kept.
  private var passed = 0
  /// Lines in `kept` beyond `passed`.
  private var lines = 0

  /// `limit`: how many; 0 or more.
  public init(_ limit: Int) { self.limit = limit }

  /// Oldest first.
  public var records: ArraySlice<LogRecord> { kept[passed...] }

  public mutating func add(_ record: LogRecord) {
    kept.append(record)
    if record.endsLine { lines += 1 }
    while lines > limit {
      if kept[passed].endsLine { lines -= 1 }
      passed += 1
    }
    guard passed > kept.count / 2 else { return }
    kept.removeFirst(passed)
    passed = 0
  }
}
