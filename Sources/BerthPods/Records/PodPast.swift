import BerthCore
import BerthManifest
import BerthPlan
import BerthRuntime

/// How far the newest incarnation of a pod has come, kept below the root: what a daemon knows of it once the node has been down and
/// the state folder is empty.
public struct PodPast: Hashable, Sendable {
  public static let version: Int64 = 1

  /// A container's newest attempt.
  public struct Container: Hashable, Sendable {
    public var attempt: UInt32
    /// nil as long as it runs.
    public var end: Termination?
    /// Whether it was told to end, as when the node is shut down: then its exit code says nothing of its work.
    public var wasStopped = false

    public init(attempt: UInt32, end: Termination? = nil) {
      self.attempt = attempt
      self.end = end
    }
  }

  public var uid: String
  public var hash: String
  public var source: String
  public var generation: Int64
  public var startedAt: Timestamp
  public var scheduledFor: Int64?
  public var failure: PodFailure?
  /// Whether it had ended for good by itself.
  public var isOver = false
  /// `restart_policy = "never"`: what was begun isn't begun again.
  public var runsOnce = false
  /// Those that were begun, by name.
  public var containers: [String: Container] = [:]

  public init(uid: String, hash: String, source: String, generation: Int64, startedAt: Timestamp) {
    self.uid = uid
    self.hash = hash
    self.source = source
    self.generation = generation
    self.startedAt = startedAt
  }

  /// `last`: what was known before. nil if nothing of it was begun.
  public init?(of observation: PodObservation, after last: PodPast?) {
    let actual = observation.actual
    if actual.containers.isEmpty, actual.failure == nil { return nil }
    self.init(
      uid: actual.uid, hash: actual.hash, source: observation.source, generation: observation.generation, startedAt: observation.createdAt)
    let known = last?.uid == uid ? last : nil
    scheduledFor = actual.scheduledFor
    failure = actual.failure
    isOver = known?.isOver == true || !actual.isBeingRemoved && (actual.isFinished || actual.failure != nil)
    runsOnce = actual.spec.restartPolicy == .never
    containers = observation.past
    for (name, container) in actual.containers where !container.isPast {
      var new = Container(attempt: container.attempt)
      if case .exited(let exit) = container.state {
        let details = observation.containers[name]
        new.end = Termination(
          attempt: container.attempt, outcome: exit.outcome, startedAt: details?.startedAt, finishedAt: details?.finishedAt)
        let before = known?.containers[name].flatMap { $0.attempt == container.attempt ? $0 : nil }
        new.wasStopped =
          container.stopReason != nil || (before?.end == nil ? actual.isBeingRemoved : before?.wasStopped ?? false)
      }
      containers[name] = new
    }
  }

  /// Whether it goes on where it was interrupted, now that the node is up again.
  public var goesOn: Bool { !isOver && !runsOnce }

  /// For the planner.
  public var attempts: [String: PastAttempt] { containers.mapValues(\.planned) }
}

extension PodPast.Container {
  var planned: PastAttempt {
    var succeeded = false
    if case .code(0, _, _) = end?.outcome { succeeded = !wasStopped }
    return PastAttempt(attempt: attempt, succeeded: succeeded)
  }

  /// Of one that ran when the node went down, too.
  public var termination: Termination {
    end ?? Termination(attempt: attempt, outcome: .unknown, note: "the node went down while it ran")
  }
}

// MARK: what had ended

extension PodPast {
  /// The record of a pod that doesn't go on: nothing but how it ended. nil if it does.
  public func record(spec: PodSpec) -> PodRecord? {
    if goesOn { return nil }
    var record = PodRecord(
      uid: uid, generation: generation, hash: hash, spec: spec, source: source, createdAt: startedAt.nanoseconds)
    record.scheduledFor = scheduledFor
    record.isReleased = true
    record.isRestored = true
    record.failure = failure
    if !isOver {
      record.failure = PodFailure(
        reason: "Interrupted", message: "the node went down while it ran, and restart_policy = \"never\" lets nothing run twice")
    }
    for (name, container) in containers { record.containers[name] = ContainerRecord(container) }
    return record
  }
}

extension ContainerRecord {
  fileprivate init(_ past: PodPast.Container) {
    self.init(attempt: past.attempt, backoffStep: 0)
    let end = past.termination
    var exit = ExitRecord(
      attempt: past.attempt, exitCode: nil, signal: nil, oomKilled: false, startedAt: end.startedAt ?? Timestamp(nanoseconds: 0),
      finishedAt: end.finishedAt ?? end.startedAt ?? Timestamp(nanoseconds: 0))
    switch end.outcome {
    case .code(let code, let signal, let oomKilled): (exit.exitCode, exit.signal, exit.oomKilled) = (code, signal, oomKilled)
    case .startFailed(let failure):
      (startFailure, startFailureKind, startFailedAt) = (failure.message, failure.kind, 0)
      return
    case .unknown: break
    }
    self.exit = exit
  }
}

// MARK: on disk

extension PodPast {
  public var json: JSON {
    [
      "version": .integer(Self.version), "uid": .string(uid), "hash": .string(hash), "source": .string(source),
      "generation": .integer(generation), "started_at": .string(startedAt.description), "scheduled_for": .optional(scheduledFor),
      "failure": failure.map { ["reason": .string($0.reason), "message": .string($0.message)] } ?? .null, "over": .bool(isOver),
      "once": .bool(runsOnce), "containers": .containers(containers),
    ]
  }

  /// nil for what is none. One of a newer version is read as far as it is understood, as a pod's record is.
  public init?(json: JSON) {
    guard let version = json["version"]?.integer, version >= 1, let uid = json["uid"]?.string, PodUID.isValid(uid),
      let hash = json["hash"]?.string, let startedAt = json["started_at"]?.string.flatMap({ Timestamp($0) })
    else { return nil }
    self.init(
      uid: uid, hash: hash, source: json["source"]?.string ?? "", generation: json["generation"]?.integer ?? 1, startedAt: startedAt)
    scheduledFor = json["scheduled_for"]?.integer
    if let failure = json["failure"], let reason = failure["reason"]?.string {
      self.failure = PodFailure(reason: reason, message: failure["message"]?.string ?? "")
    }
    isOver = json["over"]?.bool ?? false
    runsOnce = json["once"]?.bool ?? false
    containers = Container.all(json["containers"])
  }
}

extension PodPast.Container {
  fileprivate var json: JSON {
    ["attempt": .integer(Int64(attempt)), "end": end?.json ?? .null, "stopped": .bool(wasStopped)]
  }

  fileprivate init?(_ json: JSON) {
    guard let attempt = json["attempt"]?.integer.flatMap(UInt32.init(exactly:)) else { return nil }
    self.init(attempt: attempt, end: json["end"].flatMap { Termination($0) })
    wasStopped = json["stopped"]?.bool ?? false
  }

  /// By name, from what `JSON.containers` made.
  static func all(_ json: JSON?) -> [String: Self] {
    var all: [String: Self] = [:]
    for (name, container) in json?.object ?? [:] { all[name] = Self(container) }
    return all
  }
}

extension JSON {
  static func containers(_ containers: [String: PodPast.Container]) -> JSON {
    var json = JSONObject()
    for name in containers.keys.sorted() { json[name] = containers[name]?.json }
    return .object(json)
  }
}
