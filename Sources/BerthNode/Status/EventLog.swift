import BerthCore
import BerthManifest
import Synchronization

/// One thing that happened, as `berth events` shows it.
public struct NodeEvent: Hashable, Sendable {
  public enum Severity: String, Sendable { case normal, warning }
  /// Counts from 1 since the daemon started.
  public var sequence: Int64
  public var time: Timestamp
  public var severity: Severity
  /// One word, stable: `Started`, `Killing`, `BackOff` …
  public var reason: String
  public var pod: PodKey?
  /// The pod's, when it happened.
  public var labels: [String: String] = [:]
  public var container: String?
  public var message: String
  /// The planned action that was performed, by its stable name: together these are the executor's log.
  public var action: String?
  /// What is wrong with a manifest, all of it.
  public var diagnostics: [Diagnostic] = []
  /// Of a layer that is fetched.
  public var progress: EventProgress?

  public var json: JSON {
    [
      "sequence": .integer(sequence), "time": .string(time.description), "severity": .string(severity.rawValue), "reason": .string(reason),
      "namespace": .optional(pod?.namespace), "pod": .optional(pod?.name),
      "labels": .strings(labels), "container": .optional(container), "message": .string(message),
      "action": .optional(action), "diagnostics": diagnostics.isEmpty ? .null : .array(diagnostics.map(\.json)),
      "progress": progress?.json ?? .null,
    ]
  }
}

/// The newest events, bounded, and who follows them.
public final class EventLog: Sendable {
  private struct State {
    var events: [NodeEvent] = []
    /// By reason, of all that were ever recorded.
    var counts: [String: UInt64] = [:]
    var next: Int64 = 1
    var followers: [Int: AsyncStream<NodeEvent>.Continuation] = [:]
    var nextFollower = 0
  }
  private let state = Mutex(State())
  private let capacity: Int
  private let labels: @Sendable (PodKey) -> [String: String]
  private let clock: @Sendable () -> Timestamp

  /// `labels`: those of a pod, as far as they are known.
  public init(
    capacity: Int = 4096, labels: @escaping @Sendable (PodKey) -> [String: String] = { _ in [:] },
    clock: @escaping @Sendable () -> Timestamp
  ) {
    self.capacity = capacity
    self.labels = labels
    self.clock = clock
  }

  public func record(
    _ reason: String, _ message: String, pod: PodKey? = nil, container: String? = nil, severity: NodeEvent.Severity = .normal,
    action: String? = nil, diagnostics: [Diagnostic] = [], progress: EventProgress? = nil
  ) {
    let time = clock()
    let labels = pod.map(self.labels) ?? [:]
    state.withLock { state in
      let event = NodeEvent(
        sequence: state.next, time: time, severity: severity, reason: reason, pod: pod, labels: labels, container: container,
        message: message,
        action: action, diagnostics: diagnostics, progress: progress)
      state.next += 1
      state.events.append(event)
      state.counts[reason, default: 0] &+= 1
      // In slices, so that dropping old ones costs little for each new one.
      if state.events.count > capacity + capacity / 4 { state.events.removeFirst(state.events.count - capacity) }
      for follower in state.followers.values { follower.yield(event) }
    }
  }

  /// Those that came after that number and are still there, the oldest first.
  public func events(after sequence: Int64, atMost count: Int) -> [NodeEvent] {
    state.withLock { state in
      guard let first = state.events.first?.sequence else { return [] }
      let start = min(Int(max(0, sequence + 1 - first)), state.events.count)
      return Array(state.events[start...].prefix(count))
    }
  }

  /// How many there were since the daemon started, by reason.
  public func counts() -> [String: UInt64] { state.withLock { $0.counts } }

  /// What is there and all that comes. A follower that doesn't read keeps the newest 1024 and loses the others.
  public func follow() -> (past: [NodeEvent], coming: AsyncStream<NodeEvent>) {
    let (stream, continuation) = AsyncStream<NodeEvent>.makeStream(bufferingPolicy: .bufferingNewest(1024))
    return state.withLock { state in
      let number = state.nextFollower
      state.nextFollower += 1
      state.followers[number] = continuation
      continuation.onTermination = { [weak self] _ in self?.drop(number) }
      return (state.events, stream)
    }
  }

  private func drop(_ number: Int) {
    // On another path than a `yield` under the lock: a stream ends when its reader lets it go.
    state.withLock { $0.followers[number] = nil }
  }
}
