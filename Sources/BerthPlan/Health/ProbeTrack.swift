import BerthCore
import BerthManifest

public enum ProbeKind: String, Hashable, Sendable, CaseIterable {
  case startup, liveness, readiness
}

/// What came of one probe or hook.
public struct ProbeResult: Hashable, Sendable {
  public var isSuccess: Bool
  /// For people: `HTTP status 503`.
  public var message: String
  public init(_ isSuccess: Bool, _ message: String) {
    self.isSuccess = isSuccess
    self.message = message
  }
}

/// One probe of one attempt of a container: counts answers until they settle something. Kubernetes' rules (kubelet's prober/worker).
struct ProbeTrack: Hashable, Sendable {
  let spec: ProbeSpec
  /// What the answers so far settled; nil where nothing is yet.
  private(set) var settled: Bool?
  /// Of the answer that came last.
  private(set) var message = ""
  private var last: Bool?
  /// Equal answers in a row.
  private var run: Int64 = 0
  private(set) var due: Instant
  private(set) var isRunning = false

  init(_ spec: ProbeSpec, startedAt: Instant, settled: Bool? = nil) {
    self.spec = spec
    self.settled = settled
    due = startedAt + spec.initialDelay
  }

  mutating func begin(_ now: Instant) {
    isRunning = true
    due = now + spec.period
  }

  mutating func finish(_ result: ProbeResult, _ now: Instant) {
    isRunning = false
    // One that took longer than its period is followed by the next at once.
    due = max(due, now)
    message = result.isSuccess ? "" : result.message
    run = last == result.isSuccess ? run &+ 1 : 1
    last = result.isSuccess
    if run >= (result.isSuccess ? spec.successThreshold : spec.failureThreshold) { settled = result.isSuccess }
  }
}
