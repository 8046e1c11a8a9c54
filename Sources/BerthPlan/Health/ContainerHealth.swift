import BerthCore
import BerthManifest

/// What is known of a running container's health: facts for the planner.
public struct HealthVerdict: Hashable, Sendable {
  /// `post_start` has ended and the startup probe succeeded.
  public var isStarted: Bool
  public var isReady: Bool
  /// Why it must be restarted.
  public var failure: HealthFailure?
  /// Why it isn't ready, from the last probe.
  public var message: String

  public init(isStarted: Bool, isReady: Bool, failure: HealthFailure? = nil, message: String = "") {
    self.isStarted = isStarted
    self.isReady = isReady
    self.failure = failure
    self.message = message
  }

  /// Of a container that nobody asks.
  public static let unwatched = HealthVerdict(isStarted: true, isReady: true)
  /// Before anything is known.
  public static let unknown = HealthVerdict(isStarted: false, isReady: false)
}

public struct HealthFailure: Hashable, Sendable {
  public enum Source: Hashable, Sendable { case postStart, startup, liveness }
  public var source: Source
  public var message: String
  public init(_ source: Source, _ message: String) {
    self.source = source
    self.message = message
  }

  /// As Kubernetes puts it.
  public var words: String {
    switch source {
    case .postStart: "post_start failed: \(message)"
    case .startup: "startup probe failed: \(message)"
    case .liveness: "liveness probe failed: \(message)"
    }
  }
}

/// Something to be asked or done now.
public enum HealthTask: Hashable, Sendable {
  case postStart
  case probe(ProbeKind)
}

/// The health of one attempt of a container: what to ask when, and what the answers mean. A value with no clock of its own.
///
/// `post_start` first, then the startup probe alone until it has succeeded, then liveness and readiness side by side. Once something has
/// failed for good nothing is asked any more: the container is to be restarted.
public struct ContainerHealth: Hashable, Sendable {
  public let spec: LifecycleSpec
  private var hook: HookState
  private var startup: ProbeTrack?
  private var liveness: ProbeTrack?
  private var readiness: ProbeTrack?
  public private(set) var failure: HealthFailure?

  private enum HookState: Hashable, Sendable { case none, waiting, running }

  /// `known`: what an earlier daemon found out of this very attempt; what has been started is not started again.
  public init(of spec: LifecycleSpec, startedAt: Instant, known: HealthVerdict? = nil) {
    self.spec = spec
    let isStarted = known?.isStarted == true
    hook = spec.postStart == nil || isStarted ? .none : .waiting
    startup = isStarted ? nil : spec.startupProbe.map { ProbeTrack($0, startedAt: startedAt) }
    liveness = spec.livenessProbe.map { ProbeTrack($0, startedAt: startedAt) }
    readiness = spec.readinessProbe.map { ProbeTrack($0, startedAt: startedAt, settled: known?.isReady) }
  }

  public var verdict: HealthVerdict {
    let isStarted = hook == .none && (startup == nil || startup?.settled == true) && failure == nil
    let isReady = isStarted && (readiness == nil || readiness?.settled == true)
    let kind = isStarted ? ProbeKind.readiness : .startup
    let said = isReady ? "" : self[kind]?.message ?? ""
    return HealthVerdict(
      isStarted: isStarted, isReady: isReady, failure: failure, message: said.isEmpty ? "" : "\(kind.rawValue) probe failed: \(said)")
  }

  private var isStartedUp: Bool { hook == .none && (startup == nil || startup?.settled == true) }

  /// Which probes may be asked at this stage.
  private var stage: [ProbeKind] {
    guard failure == nil, hook == .none else { return [] }
    return isStartedUp ? [.liveness, .readiness] : [.startup]
  }

  private subscript(kind: ProbeKind) -> ProbeTrack? {
    get {
      switch kind {
      case .startup: startup
      case .liveness: liveness
      case .readiness: readiness
      }
    }
    set {
      switch kind {
      case .startup: startup = newValue
      case .liveness: liveness = newValue
      case .readiness: readiness = newValue
      }
    }
  }

  /// What is due, marked as begun: each must come back through `finish`.
  public mutating func takeDue(_ now: Instant) -> [HealthTask] {
    if failure == nil, hook == .waiting {
      hook = .running
      return [.postStart]
    }
    var tasks: [HealthTask] = []
    for kind in stage {
      guard let track = self[kind], !track.isRunning, track.due <= now else { continue }
      self[kind]?.begin(now)
      tasks.append(.probe(kind))
    }
    return tasks
  }

  /// When something will be due; nil: only a `finish` changes anything.
  public var wakeAt: Instant? {
    if failure == nil, hook == .waiting { return Instant(nanoseconds: 0) }
    return stage.compactMap { kind in self[kind].flatMap { $0.isRunning ? nil : $0.due } }.min()
  }

  public mutating func finish(_ task: HealthTask, _ result: ProbeResult, _ now: Instant) {
    switch task {
    case .postStart:
      guard hook == .running else { return }
      hook = .none
      if !result.isSuccess { failure = HealthFailure(.postStart, result.message) }
    case .probe(let kind):
      self[kind]?.finish(result, now)
      guard self[kind]?.settled == false, failure == nil else { return }
      if kind == .startup { failure = HealthFailure(.startup, result.message) }
      if kind == .liveness { failure = HealthFailure(.liveness, result.message) }
    }
  }
}
