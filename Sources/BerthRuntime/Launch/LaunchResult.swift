import BerthCore

/// The launcher's one message to its parent: the process, or why there is none.
enum LaunchResult {
  case launched(pid: Int32, startTimeTicks: UInt64, uid: UInt32, gid: UInt32, warnings: [String])
  /// `pid`: of a process that was cloned, is dying, and is the parent's to reap. `cgroup`: to be removed then.
  case failed(BerthError, pid: Int32?, cgroup: Cgroup?)

  static let limit = 64 << 10

  func encoded() -> [UInt8] {
    var out = JSONObject()
    switch self {
    case .launched(let pid, let ticks, let uid, let gid, let warnings):
      out["pid"] = .integer(Int64(pid))
      out["start_time_ticks"] = .integer(Int64(clamping: ticks))
      out["uid"] = .integer(Int64(uid))
      out["gid"] = .integer(Int64(gid))
      out["warnings"] = .strings(warnings)
    case .failed(let error, let pid, let cgroup):
      if let pid { out["pid"] = .integer(Int64(pid)) }
      if let cgroup { out["cgroup"] = .string(cgroup.path) }
      out["error"] = [
        "code": .string(error.code.rawValue), "operation": .string(error.operation), "subject": .string(error.subject),
        "cause": .string(String(error.cause.prefix(4096))),
      ]
    }
    return JSON.object(out).encoded()
  }

  /// nil for bytes that aren't such a message.
  init?(_ bytes: [UInt8]) {
    guard let json = try? JSON(parsing: bytes) else { return nil }
    let pid = json["pid"]?.integer.flatMap { Int32(exactly: $0) }
    if let error = json["error"] {
      guard let code = error["code"]?.string.flatMap(ErrorCode.init) else { return nil }
      let cgroup = json["cgroup"]?.string.flatMap { path in (try? CgroupLayout.detect()).flatMap { Cgroup(path, in: $0) } }
      self = .failed(
        BerthError(
          code, error["operation"]?.string ?? "launch", error["subject"]?.string ?? "", cause: error["cause"]?.string ?? "unknown"),
        pid: pid, cgroup: cgroup)
      return
    }
    guard let pid, pid > 0, let ticks = json["start_time_ticks"]?.unsigned else { return nil }
    self = .launched(
      pid: pid, startTimeTicks: ticks, uid: json["uid"]?.integer.flatMap { UInt32(exactly: $0) } ?? 0,
      gid: json["gid"]?.integer.flatMap { UInt32(exactly: $0) } ?? 0, warnings: (json["warnings"]?.array ?? []).compactMap(\.string))
  }
}
