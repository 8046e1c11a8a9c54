import BerthCore
import BerthPlan
import BerthRuntime

/// How one attempt of a container ended, kept for when the attempt is no longer the newest: what the kubelet calls its last state.
public struct Termination: Hashable, Sendable {
  public var attempt: UInt32
  public var outcome: ContainerExit.Outcome
  public var startedAt: Timestamp?
  public var finishedAt: Timestamp?
  /// Why no more is known of it, in words.
  public var note: String?

  public init(
    attempt: UInt32, outcome: ContainerExit.Outcome, startedAt: Timestamp? = nil, finishedAt: Timestamp? = nil, note: String? = nil
  ) {
    self.attempt = attempt
    self.outcome = outcome
    self.startedAt = startedAt
    self.finishedAt = finishedAt
    self.note = note
  }

  init(_ exit: ExitRecord) {
    self.init(
      attempt: exit.attempt, outcome: exit.exitCode.map { .code($0, signal: exit.signal, oomKilled: exit.oomKilled) } ?? .unknown,
      startedAt: exit.startedAt, finishedAt: exit.finishedAt)
  }
}

extension Termination {
  var json: JSON {
    var json: JSONObject = [
      "attempt": .integer(Int64(attempt)), "started_at": .optional(startedAt?.description),
      "finished_at": .optional(finishedAt?.description), "note": .optional(note),
    ]
    switch outcome {
    case .code(let code, let signal, let oomKilled):
      json["exit_code"] = .integer(Int64(code))
      json["signal"] = .optional(signal.map(Int64.init))
      json["oom_killed"] = .bool(oomKilled)
    case .startFailed(let failure):
      json["start_failure"] = .string(failure.message)
      json["start_failure_kind"] = .string(failure.kind.rawValue)
    case .unknown: break
    }
    return .object(json)
  }

  /// nil for what is no termination.
  init?(_ json: JSON) {
    guard let attempt = json["attempt"]?.integer.flatMap(UInt32.init(exactly:)) else { return nil }
    var outcome = ContainerExit.Outcome.unknown
    if let code = json["exit_code"]?.integer.flatMap(Int32.init(exactly:)) {
      outcome = .code(
        code, signal: json["signal"]?.integer.flatMap(Int32.init(exactly:)), oomKilled: json["oom_killed"]?.bool ?? false)
    } else if let message = json["start_failure"]?.string {
      let kind = json["start_failure_kind"]?.string.flatMap { StartFailure.Kind(rawValue: $0) }
      outcome = .startFailed(StartFailure(kind ?? .create, message))
    }
    self.init(
      attempt: attempt, outcome: outcome, startedAt: json["started_at"]?.string.flatMap { Timestamp($0) },
      finishedAt: json["finished_at"]?.string.flatMap { Timestamp($0) }, note: json["note"]?.string)
  }
}
