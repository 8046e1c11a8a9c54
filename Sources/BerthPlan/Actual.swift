import BerthCore
import BerthManifest

/// One pod as it is on the node, read from facts: its record, its shim, the kernel.
public struct ActualPod: Hashable, Sendable {
  /// Of this incarnation; a recreated pod has another.
  public var uid: String
  /// The hash of the manifest content that was last applied, in place changes included.
  public var hash: String
  /// What was last applied.
  public var spec: PodSpec
  public var sandbox: SandboxState
  /// Whether a container of it was already told to stop for good: then the incarnation is not taken up again, whatever is asked for now.
  public var isBeingRemoved = false
  /// The time of the run that it is, of a pod with a schedule: seconds since 1970.
  public var scheduledFor: Int64?
  /// Whether it is a run that goes on beside a newer one (`concurrency_policy = "allow"`).
  public var isEarlierRun = false
  /// How many incarnations before this one lost their shim, each soon after it was made.
  public var losses = 0
  /// When this incarnation was made.
  public var createdAt: Instant?
  /// Set once the pod as a whole has failed: nothing of it runs again.
  public var failure: PodFailure?
  /// What of it was changed by hand, as far as was looked for.
  public var drift: [Drift] = []
  /// What came before the node went down, by container: until it is started in this incarnation.
  public var past: [String: PastAttempt] = [:]
  /// By container name, init containers included. A container that was never started is missing.
  public var containers: [String: ActualContainer]

  public init(uid: String, hash: String, spec: PodSpec, sandbox: SandboxState, containers: [String: ActualContainer] = [:]) {
    self.uid = uid
    self.hash = hash
    self.spec = spec
    self.sandbox = sandbox
    self.containers = containers
  }
}

/// Incarnations of a pod beside the one that serves, while one takes over from another.
public struct OtherInstances: Hashable, Sendable {
  public var successor: ActualPod?
  /// Whether the successor has shown that it is ready, and is.
  public var isSuccessorReady = false
  /// Taken over from, and on their way out; or earlier runs of a schedule, which go on.
  public var leaving: [ActualPod] = []

  public init(successor: ActualPod? = nil, isSuccessorReady: Bool = false, leaving: [ActualPod] = []) {
    self.successor = successor
    self.isSuccessorReady = isSuccessorReady
    self.leaving = leaving
  }
}

/// Why a pod as a whole has failed.
public struct PodFailure: Hashable, Sendable {
  /// Kubernetes' word: `DeadlineExceeded`.
  public var reason: String
  public var message: String
  public init(reason: String, message: String) {
    self.reason = reason
    self.message = message
  }
}

public enum SandboxState: Hashable, Sendable {
  /// The shim answers and its namespaces stand.
  case ready
  /// The shim is dead. `processesLeft`: containers of it still run; a keeper has their output and sees their ends, but none is
  /// started again.
  case lost(processesLeft: Bool)
  /// The pod had finished, and everything but the record of how was removed.
  case released
}

public struct ActualContainer: Hashable, Sendable {
  /// From 0; the restart count.
  public var attempt: UInt32
  public var state: ContainerState
  /// Restarts in a row without a run long enough to reset the back-off.
  public var backoffStep: Int
  /// Of one that runs.
  public var health: HealthVerdict
  /// Why it was told to stop although the pod goes on: then its end counts as a failure, whatever its exit code.
  public var stopReason: String?
  /// Of an incarnation before this one: it had done its work before the node went down.
  public var isPast = false

  public init(
    attempt: UInt32 = 0, state: ContainerState, backoffStep: Int = 0, health: HealthVerdict = .unwatched, stopReason: String? = nil
  ) {
    self.attempt = attempt
    self.state = state
    self.backoffStep = backoffStep
    self.health = health
    self.stopReason = stopReason
  }
}

public enum ContainerState: Hashable, Sendable {
  case running(since: Instant)
  /// The stop signal was sent; SIGKILL follows after the grace period.
  case stopping
  case exited(ContainerExit)

  public var isLive: Bool {
    switch self {
    case .running, .stopping: true
    case .exited: false
    }
  }
}

/// How an attempt ended.
public struct ContainerExit: Hashable, Sendable {
  public enum Outcome: Hashable, Sendable {
    /// The exit code; 128 + n for a death by signal n.
    case code(Int32, signal: Int32?, oomKilled: Bool)
    /// It never ran: why.
    case startFailed(StartFailure)
    /// It ran and is gone, but nobody was there to see its exit code.
    case unknown
  }
  public var outcome: Outcome
  public var at: Instant
  /// How long it ran.
  public var ran: Duration

  public init(outcome: Outcome, at: Instant, ran: Duration) {
    self.outcome = outcome
    self.at = at
    self.ran = ran
  }

  public var succeeded: Bool {
    if case .code(0, _, _) = outcome { true } else { false }
  }
}

/// Why an attempt never ran.
public struct StartFailure: Hashable, Sendable {
  public enum Kind: String, Sendable {
    /// What it was asked to be can't be: a missing secret, a user id that is refused.
    case config
    /// Something of the node was in the way.
    case create
    /// Its program isn't there.
    case notFound = "not-found"
    /// Its program can't be executed: not executable, of another architecture, its interpreter missing.
    case notExecutable = "not-executable"
  }
  public var kind: Kind
  public var message: String
  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  /// As Kubernetes calls it.
  public var reason: String {
    switch kind {
    case .config: "CreateContainerConfigError"
    case .create: "CreateContainerError"
    case .notFound, .notExecutable: "RunContainerError"
    }
  }

  /// As a shell would have ended; nil where the program was never tried.
  public var exitCode: Int32? {
    switch kind {
    case .config, .create: nil
    case .notFound: 127
    case .notExecutable: 126
    }
  }
}
