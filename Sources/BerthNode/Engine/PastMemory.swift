import BerthCore
import BerthLinux
import BerthManifest
import BerthPods
import Synchronization

/// Where it is kept beyond the node's life how far pods have come.
public protocol PastStore: Sendable {
  func allPasts() throws(BerthError) -> [(key: PodKey, past: PodPast)]
  /// nil: the pod is forgotten. All of it or nothing.
  func apply(_ changes: [PodKey: PodPast?]) throws(BerthError)
}

/// How far each pod has come, for the time after the node was down: written down beside the way from manifest to process, on the thread
/// that may wait for the disk. What would make work be done twice is written soon, all else from time to time: containers that crash in
/// a loop cost one commit in `pause`, however many they are.
final class PastMemory: Sendable {
  private struct State {
    var known: [PodKey: PodPast] = [:]
    /// Those of which the store has something.
    var stored: Set<PodKey> = []
    var changed: Set<PodKey> = []
    var due: BootTime?
    var alarm: Timers.Alarm?
  }
  private let state = Mutex(State())
  private let isFrozen = Atomic(false)
  private let store: any PastStore
  private let events: EventLog
  private let write: @Sendable (@escaping @Sendable () -> Void) -> Void

  static let pause: Duration = .seconds(10)
  /// What many jobs do at once is one commit.
  static let haste: Duration = .milliseconds(200)

  /// `write` runs what it is given on a thread that may wait for the disk.
  init(store: any PastStore, events: EventLog, write: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void) {
    (self.store, self.events, self.write) = (store, events, write)
  }

  /// What an earlier daemon wrote down.
  func load() throws(BerthError) {
    let all = try store.allPasts()
    state.withLock { state in
      for entry in all { state.known[entry.key] = entry.past }
      state.stored = Set(all.map(\.key))
    }
  }

  func past(of key: PodKey) -> PodPast? { state.withLock { $0.known[key] } }
  func all() -> [PodKey: PodPast] { state.withLock { $0.known } }

  func keep(_ past: PodPast, of key: PodKey) {
    state.withLock { state in
      let before = state.known[key]
      guard past != before else { return }
      state.known[key] = past
      state.changed.insert(key)
      // Of these, nothing may be run a second time.
      let isPressing = past.isOver && before?.isOver != true || past.runsOnce && past.uid != before?.uid
      schedule(after: isPressing ? Self.haste : Self.pause, &state)
    }
  }

  /// Nothing of it is there any more, and nothing is to come of what was.
  func forget(_ key: PodKey) {
    if isFrozen.load(ordering: .sequentiallyConsistent) { return }
    state.withLock { state in
      state.known[key] = nil
      guard state.stored.contains(key) else { return _ = state.changed.remove(key) }
      state.changed.insert(key)
      schedule(after: Self.haste, &state)
    }
  }

  /// From now on pods go only because the node does.
  func freeze() { isFrozen.store(true, ordering: .sequentiallyConsistent) }

  /// Has everything so far written, whenever it was to be.
  func hurry() { write { self.writeChanged() } }

  private func schedule(after delay: Duration, _ state: inout State) {
    let due = BootTime.now.after(nanoseconds: delay.nanoseconds)
    if let known = state.due, known <= due { return }
    state.alarm?.cancel()
    state.due = due
    state.alarm = Timers.shared.wake(at: due) { [weak self] in self?.hurry() }
  }

  /// On the thread that may wait for the disk.
  private func writeChanged() {
    let changes: [PodKey: PodPast?] = state.withLock { state in
      defer { (state.changed, state.due, state.alarm) = ([], nil, nil) }
      state.alarm?.cancel()
      return Dictionary(uniqueKeysWithValues: state.changed.map { ($0, state.known[$0]) })
    }
    if changes.isEmpty { return }
    do throws(BerthError) {
      try store.apply(changes)
      state.withLock { state in
        for (key, past) in changes { if past == nil { state.stored.remove(key) } else { state.stored.insert(key) } }
      }
    } catch { events.record("Failed", "\(error)", severity: .warning) }
  }
}
