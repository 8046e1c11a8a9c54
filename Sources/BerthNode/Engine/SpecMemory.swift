import BerthCore
import BerthLinux
import BerthPlan
import Synchronization

/// Where good specs are kept beyond a daemon's life.
public protocol LastGoodStore: Sendable {
  func all() throws(BerthError) -> [(key: PodKey, path: String, pod: DesiredPod)]
  func put(_ key: PodKey, path: String, pod: DesiredPod) throws(BerthError)
  func remove(_ key: PodKey) throws(BerthError)
}

/// Writes down the last good spec of each pod, on a thread of its own: a commit waits for the disk.
final class SpecMemory: Sendable {
  private let store: any LastGoodStore
  private let events: EventLog
  private let work = BlockingQueue<@Sendable () -> Void>()
  private let isFrozen = Atomic(false)

  init(store: any LastGoodStore, events: EventLog) {
    self.store = store
    self.events = events
    Threads.start("records") { [work] in while true { work.pop()() } }
  }

  func all() throws(BerthError) -> [(key: PodKey, path: String, pod: DesiredPod)] { try store.all() }

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

  /// In the order of the calls. A broken manifest changes nothing.
  func remember(_ key: PodKey, _ entry: DesiredEntry) {
    guard !isFrozen.load(ordering: .sequentiallyConsistent) else { return }
    work.push { [store, events] in
      do throws(BerthError) {
        if let pod = entry.desired, let path = entry.source {
          try store.put(key, path: path, pod: pod)
        } else if entry.problem == nil {
          try store.remove(key)
        }
      } catch { events.record("Failed", "\(error)", pod: key, severity: .warning) }
    }
  }
}
