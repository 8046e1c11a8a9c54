import BerthCore
import BerthLinux

/// Who a container's first process is. Kept in POD_DIR/NAME/init from its start on, for a daemon that finds the shim dead.
public struct InitRecord: Sendable, Hashable {
  /// Which start of the container this is, from 0.
  public var attempt: UInt32
  public var process: ProcessIdentity
  public var startedAt: Timestamp

  public init(attempt: UInt32, process: ProcessIdentity, startedAt: Timestamp) {
    self.attempt = attempt
    self.process = process
    self.startedAt = startedAt
  }

  /// The file's text.
  public var json: JSON {
    var object = process.json
    object["attempt"] = .integer(Int64(attempt))
    object["started_at"] = .string(startedAt.description)
    return .object(object)
  }

  /// nil if `json` is no record of a version known.
  public init?(_ json: JSON) {
    guard let process = ProcessIdentity(json), let attempt = json["attempt"]?.integer.flatMap(UInt32.init(exactly:)),
      let startedAt = json["started_at"]?.string.flatMap({ Timestamp($0) })
    else { return nil }
    self.init(attempt: attempt, process: process, startedAt: startedAt)
  }

  func encode(to writer: inout ByteWriter) {
    writer.record { record in
      record.integer(attempt)
      record.integer(process.pid)
      record.integer(process.startTicks)
      record.integer(startedAt.nanoseconds)
    }
  }

  init(from reader: inout ByteReader) throws(ByteReaderError) {
    self = try reader.record { (record: inout ByteReader) throws(ByteReaderError) in
      InitRecord(
        attempt: try record.integer(), process: ProcessIdentity(pid: try record.integer(), startTicks: try record.integer()),
        startedAt: Timestamp(nanoseconds: try record.integer()))
    }
  }
}

extension ProcessIdentity {
  /// As shim.pid and init records keep it.
  public var json: JSONObject {
    var json = JSONObject()
    json["version"] = 1
    json["pid"] = .integer(Int64(pid))
    json["start_time_ticks"] = .integer(Int64(clamping: startTicks))
    return json
  }

  /// nil if `json` is no record of a version known.
  public init?(_ json: JSON) {
    guard json["version"]?.integer == 1, let pid = json["pid"]?.integer.flatMap(Int32.init(exactly:)), pid > 0,
      let ticks = json["start_time_ticks"]?.unsigned
    else { return nil }
    self.init(pid: pid, startTicks: ticks)
  }
}
