import BerthCore
import BerthLinux
import BerthPlan
import Synchronization

/// What is to be written of one pod.
public struct LastGoodChange: Sendable {
  public var key: PodKey
  /// The manifest's path and the spec in force; nil: the pod is forgotten.
  public var good: (path: String, pod: DesiredPod)?
}

/// Where good specs are kept beyond a daemon's life.
public protocol LastGoodStore: Sendable {
  func all() throws(BerthError) -> [(key: PodKey, path: String, pod: DesiredPod)]
  /// All of it or nothing.
  func apply(_ changes: [LastGoodChange]) throws(BerthError)
}

/// Writes down the last good spec of each pod, on a thread of its own: a commit waits for the disk. What comes while one is under way is
/// written with the next, and what is written already isn't written again.
final class SpecMemory: Sendable {
  private struct Mark: Equatable {
    var path: String
    var hash: String
  }

  private let store: any LastGoodStore
  private let events: EventLog
  private let work = BlockingQueue<@Sendable () -> Void>()
  private let isFrozen = Atomic(false)
  /// In the order in which they came: every worker comes by here, and sorting them out is the records' thread's.
  private let pending = Mutex<[LastGoodChange]>([])
  private let written = Mutex<[PodKey: Mark]>([:])

  init(store: any LastGoodStore, events: EventLog) {
    self.store = store
    self.events = events
    Threads.start("records") { [work] in while true { work.pop()() } }
  }

  func all() throws(BerthError) -> [(key: PodKey, path: String, pod: DesiredPod)] {
    let all = try store.all()
    written.withLock { written in for entry in all { written[entry.key] = Mark(path: entry.path, hash: entry.pod.hash) } }
    return all
  }

  /// From now on nothing is changed: pods that are stopped for a shutdown are still asked for.
  func freeze() { isFrozen.store(true, ordering: .sequentiallyConsistent) }

  /// Returns once everything so far is written down. Blocks.
  func flush() {
    let done = BlockingQueue<Void>()
    work.push { done.push(()) }
    done.pop()
  }

  /// Runs `body` on the thread that may wait for the disk, after all that came before.
  func write(_ body: @escaping @Sendable () -> Void) { if !isFrozen.load(ordering: .sequentiallyConsistent) { work.push(body) } }

  /// As `write`, also of what happens while the node is shut down.
  func writeAlways(_ body: @escaping @Sendable () -> Void) { work.push(body) }

  /// The newest word on a pod counts. A broken manifest changes nothing, and one that was never approved isn't in force.
  func remember(_ key: PodKey, _ entry: DesiredEntry) {
    guard !isFrozen.load(ordering: .sequentiallyConsistent), !entry.isUnapproved else { return }
    var change = LastGoodChange(key: key)
    if let pod = entry.desired, let path = entry.source {
      change.good = (path, pod)
    } else if entry.problem != nil {
      return
    }
    let isFirst = pending.withLock { pending in
      pending.append(change)
      return pending.count == 1
    }
    if isFirst { work.push { self.writePending() } }
  }

  /// On the records' thread.
  private func writePending() {
    let taken = pending.withLock { pending in
      defer { pending = [] }
      return pending
    }
    // In the table's order, so that its pages are written once; of several words on one pod the last one counts.
    let order = taken.indices.sorted { (taken[$0].key, $0) < (taken[$1].key, $1) }
    let changes = written.withLock { written in
      order.enumerated().compactMap { at, place -> LastGoodChange? in
        let change = taken[place]
        if at + 1 < order.count, taken[order[at + 1]].key == change.key { return nil }
        return Self.mark(change) == written[change.key] ? nil : change
      }
    }
    if changes.isEmpty { return }
    do throws(BerthError) {
      try store.apply(changes)
      written.withLock { written in
        if written.isEmpty { written.reserveCapacity(changes.count) }
        for change in changes { written[change.key] = Self.mark(change) }
      }
    } catch { events.record("Failed", "\(error)", severity: .warning) }
  }

  private static func mark(_ change: LastGoodChange) -> Mark? { change.good.map { Mark(path: $0.path, hash: $0.pod.hash) } }
}
