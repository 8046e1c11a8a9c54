import BerthCore

/// How one attempt of a container ended. Kept in POD_DIR/NAME/exit, written before anybody is told.
public struct ExitRecord: Sendable, Hashable {
  /// Which start of the container this was, from 0.
  public var attempt: UInt32
  /// As a shell counts: 128 + n after signal n. nil where nobody could tell: its shim was dead.
  public var exitCode: Int32?
  /// That ended the process; nil if it exited by itself.
  public var signal: Int32?
  /// Whether the kernel's OOM killer struck inside the container's cgroup.
  public var oomKilled: Bool
  public var startedAt: Timestamp
  public var finishedAt: Timestamp

  public init(attempt: UInt32, exitCode: Int32?, signal: Int32?, oomKilled: Bool, startedAt: Timestamp, finishedAt: Timestamp) {
    self.attempt = attempt
    self.exitCode = exitCode
    self.signal = signal
    self.oomKilled = oomKilled
    self.startedAt = startedAt
    self.finishedAt = finishedAt
  }

  private static let codeOfUnknown: Int32 = 255

  /// The file's text.
  public var json: JSON {
    // A code that nobody knows has one all the same, for daemons of before who know no such thing.
    [
      "version": 1, "attempt": .integer(Int64(attempt)), "exit_code": .integer(Int64(exitCode ?? Self.codeOfUnknown)),
      "exit_code_known": .bool(exitCode != nil),
      "signal": .optional(signal.map(Int64.init)), "oom_killed": .bool(oomKilled), "started_at": .string(startedAt.description),
      "finished_at": .string(finishedAt.description),
    ]
  }

  /// nil if `json` is no exit record of a version known.
  public init?(_ json: JSON) {
    guard json["version"]?.integer == 1, let attempt = json["attempt"]?.integer.flatMap(UInt32.init(exactly:)),
      let code = json["exit_code"]?.integer.flatMap(Int32.init(exactly:)), let oomKilled = json["oom_killed"]?.bool,
      let startedAt = json["started_at"]?.string.flatMap({ Timestamp($0) }),
      let finishedAt = json["finished_at"]?.string.flatMap({ Timestamp($0) })
    else { return nil }
    self.init(
      attempt: attempt, exitCode: json["exit_code_known"]?.bool == false ? nil : code,
      signal: json["signal"]?.integer.flatMap(Int32.init(exactly:)), oomKilled: oomKilled,
      startedAt: startedAt, finishedAt: finishedAt)
  }

  func encode(to writer: inout ByteWriter) {
    writer.record { record in
      record.integer(attempt)
      record.integer(exitCode ?? 0)
      record.optional(signal) { $1.integer($0) }
      record.bool(oomKilled)
      record.integer(startedAt.nanoseconds)
      record.integer(finishedAt.nanoseconds)
      if exitCode == nil { record.bool(true) }
    }
  }

  init(from reader: inout ByteReader) throws(ByteReaderError) {
    self = try reader.record { (record: inout ByteReader) throws(ByteReaderError) in
      var exit = ExitRecord(
        attempt: try record.integer(), exitCode: try record.integer(),
        signal: try record.optional { (field: inout ByteReader) throws(ByteReaderError) in try field.integer(Int32.self) },
        oomKilled: try record.bool(), startedAt: Timestamp(nanoseconds: try record.integer()),
        finishedAt: Timestamp(nanoseconds: try record.integer()))
      if !record.isAtEnd, try record.bool() { exit.exitCode = nil }
      return exit
    }
  }
}
