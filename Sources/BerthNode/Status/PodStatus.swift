import BerthCore
import BerthManifest
import BerthPlan
import BerthPods

/// What `berth status` says of a pod. Fields and words: design interfaces.md "JSON of berth status".
public struct PodStatus: Hashable, Sendable {
  public enum Phase: String, Sendable {
    case pending = "Pending", running = "Running", succeeded = "Succeeded", failed = "Failed", unknown = "Unknown"
  }

  public struct Condition: Hashable, Sendable {
    public var type: String
    public var status: Bool
    public var reason: String
    public var message: String
    public var lastTransition: Timestamp
  }

  public struct Container: Hashable, Sendable {
    public enum State: String, Sendable { case waiting, running, terminated }
    public var name: String
    public var id = ""
    public var image: String
    public var imageDigest: String?
    public var state: State = .waiting
    public var reason = ""
    public var message = ""
    public var pid: Int32?
    public var exitCode: Int32?
    public var signal: Int32?
    public var startedAt: Timestamp?
    public var finishedAt: Timestamp?
    public var restartCount: UInt32 = 0
    public var ready = false
    public var logPath: String?
    /// How the newest attempt that isn't shown by the other fields ended: Kubernetes' last state.
    public var last: LastState?
    public init(name: String, image: String) {
      self.name = name
      self.image = image
    }
  }

  public var key: PodKey
  /// Of the spec that runs, else of the one that is asked for.
  public var labels: [String: String] = [:]
  public var annotations: [String: String] = [:]
  public var uid: String?
  public var phase: Phase = .pending
  public var reason = ""
  public var message = ""
  public var ready = false
  public var nextRetryAt: Timestamp?
  public var source: String?
  public var specHash: String?
  public var generation: Int64 = 0
  /// On its networks, those of the first interface first.
  public var addresses: [String] = []
  public var diagnostics: [Diagnostic] = []
  public var conditions: [Condition] = []
  public var initContainers: [Container] = []
  public var containers: [Container] = []
  public var startedAt: Timestamp?
  /// Of a pod with a schedule: how many runs go on beside the one that this tells of.
  public var earlierRuns = 0
  /// Whether nothing is left to be done for it: what `berth sync --wait` waits for.
  public var converged = false

  public init(key: PodKey) { self.key = key }
}

extension PodStatus {
  public var json: JSON {
    [
      "namespace": .string(key.namespace), "name": .string(key.name), "labels": .strings(labels), "annotations": .strings(annotations),
      "uid": .optional(uid), "phase": .string(phase.rawValue), "reason": .string(reason), "message": .string(message),
      "ready": .bool(ready),
      "next_retry_at": .optional(nextRetryAt?.description), "source": .optional(source), "spec_hash": .optional(specHash),
      "generation": .integer(generation), "network": ["ips": .strings(addresses)], "conditions": .array(conditions.map(\.json)),
      "init_containers": .array(initContainers.map(\.json)), "containers": .array(containers.map(\.json)),
      "diagnostics": .array(diagnostics.map(\.json)), "converged": .bool(converged),
      "earlier_runs": .integer(earlierRuns),
    ]
  }
}

extension PodStatus.Condition {
  var json: JSON {
    [
      "type": .string(type), "status": .string(status ? "True" : "False"), "reason": .string(reason), "message": .string(message),
      "last_transition": .string(lastTransition.description),
    ]
  }
}

extension PodStatus.Container {
  var json: JSON {
    [
      "name": .string(name), "id": .string(id), "image": .string(image), "image_digest": .optional(imageDigest),
      "state": .string(state.rawValue), "reason": .string(reason), "message": .string(message), "pid": .optional(pid.map(Int64.init)),
      "exit_code": .optional(exitCode.map(Int64.init)), "signal": .optional(signal.map(Int64.init)),
      "started_at": .optional(startedAt?.description), "finished_at": .optional(finishedAt?.description),
      "restart_count": .integer(Int64(restartCount)), "ready": .bool(ready), "log_path": .optional(logPath),
      "last_state": last?.json ?? .null,
    ]
  }
}

extension PodStatus {
  /// How an attempt ended that is over.
  public struct LastState: Hashable, Sendable {
    public var reason: String
    public var message: String
    public var exitCode: Int32?
    public var signal: Int32?
    public var startedAt: Timestamp?
    public var finishedAt: Timestamp?

    init(_ end: Termination) {
      (reason, message) = (end.outcome.reason, end.note ?? end.outcome.words)
      (exitCode, signal) = (end.outcome.exitCode, end.outcome.signal)
      (startedAt, finishedAt) = (end.startedAt, end.finishedAt)
    }

    var json: JSON {
      [
        "reason": .string(reason), "message": .string(message), "exit_code": .optional(exitCode.map(Int64.init)),
        "signal": .optional(signal.map(Int64.init)), "started_at": .optional(startedAt?.description),
        "finished_at": .optional(finishedAt?.description),
      ]
    }
  }
}

extension ContainerExit.Outcome {
  /// Kubernetes' word.
  var reason: String {
    switch self {
    case .code(_, _, oomKilled: true): "OOMKilled"
    case .code(0, _, _): "Completed"
    case .code: "Error"
    case .startFailed(let failure): failure.reason
    case .unknown: "Unknown"
    }
  }

  var exitCode: Int32? {
    switch self {
    case .code(let code, _, _): code
    case .startFailed(let failure): failure.exitCode
    case .unknown: nil
    }
  }

  var signal: Int32? { if case .code(_, let signal, _) = self { signal } else { nil } }
}
