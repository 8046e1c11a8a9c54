import BerthCore
import Synchronization

/// What every surface reads: the newest status of each pod. Written by the pod's worker alone.
public final class StatusStore: Sendable {
  /// A status is large: under the lock, which every worker wants, only a reference to it changes hands.
  private final class Entry: Sendable {
    let status: PodStatus
    init(_ status: PodStatus) { self.status = status }
  }
  private struct State {
    var pods: [PodKey: Entry] = [:]
    var waiters: [CheckedContinuation<Void, Never>] = []
    var version: UInt64 = 0
    /// Those that only `wakeAll` wakes, and how often it did.
    var sleepers: [CheckedContinuation<Void, Never>] = []
    var wakes: UInt64 = 0
  }
  private let state = Mutex(State())

  public init() {}

  /// In the order of their names.
  public func all() -> [PodStatus] { state.withLock { Array($0.pods.values) }.map(\.status).sorted { $0.key < $1.key } }
  public func allSatisfy(_ condition: (PodStatus) -> Bool) -> Bool {
    state.withLock { $0.pods.values.allSatisfy { condition($0.status) } }
  }
  public func status(of key: PodKey) -> PodStatus? { state.withLock { $0.pods[key] }?.status }
  public var version: UInt64 { state.withLock { $0.version } }
  public var wakes: UInt64 { state.withLock { $0.wakes } }

  func publish(_ status: PodStatus, for key: PodKey) { set(Entry(status), for: key) }
  func remove(_ key: PodKey) { set(nil, for: key) }

  private func set(_ entry: Entry?, for key: PodKey) {
    let waiters: [CheckedContinuation<Void, Never>] = state.withLock { state in
      state.pods[key] = entry
      state.version += 1
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  /// Returns once anything was published after `version`; wakes all waiters of a deadline through `wakeAll`.
  public func changed(since version: UInt64) async {
    await wait { state, continuation in
      if state.version != version { return true }
      state.waiters.append(continuation)
      return false
    }
  }

  /// Returns once `wakeAll` was called after it had been so often, whatever is published meanwhile.
  public func woken(since wakes: UInt64) async {
    await wait { state, continuation in
      if state.wakes != wakes { return true }
      state.sleepers.append(continuation)
      return false
    }
  }

  /// `isOver`: whether there is nothing to wait for; otherwise it has put the continuation where somebody resumes it.
  private func wait(_ isOver: @Sendable (inout State, CheckedContinuation<Void, Never>) -> Bool) async {
    await withCheckedContinuation { continuation in
      if state.withLock({ isOver(&$0, continuation) }) { continuation.resume() }
    }
  }

  /// Lets every waiter look again, as if something had changed.
  public func wakeAll() {
    let waiters: [CheckedContinuation<Void, Never>] = state.withLock { state in
      // Counted as a change, so that who is about to wait doesn't miss it.
      state.version += 1
      state.wakes += 1
      defer { (state.waiters, state.sleepers) = ([], []) }
      return state.waiters + state.sleepers
    }
    for waiter in waiters { waiter.resume() }
  }
}
