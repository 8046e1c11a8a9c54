import BerthCore
import BerthLinux
import BerthPlan
import Synchronization

/// The rollouts of all pods: read once at the start, taken apart when a pod's worker asks, written down on the records' thread.
final class RolloutMemory: Sendable {
  private let store: any RolloutStore
  private let write: @Sendable (@escaping @Sendable () -> Void) -> Void
  private let kept = Mutex<[PodKey: [UInt8]]>([:])
  private let events: EventLog

  /// `write` runs what it is given on a thread that may wait for the disk, in order.
  init(store: any RolloutStore, events: EventLog, write: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void) {
    self.store = store
    self.events = events
    self.write = write
  }

  func load() throws(BerthError) {
    let all = try store.allRollouts()
    kept.withLock { kept in for entry in all { kept[entry.key] = entry.content } }
  }

  func rollout(of key: PodKey) -> Rollout {
    guard let content = kept.withLock({ $0[key] }), let json = try? JSON(parsing: content) else { return Rollout() }
    var rollout = Rollout(json: json)
    // A revision whose files can't be read any more can't be run again.
    rollout.revisions = rollout.revisions.compactMap(Self.completed)
    if let hold = rollout.hold {
      rollout.hold = Self.completed(hold.revision).map { Rollout.Hold(hash: hold.hash, revision: $0, reason: hold.reason) }
    }
    return rollout
  }

  private static func completed(_ revision: Revision) -> Revision? {
    guard let spec = ContentReader.complete(revision.pod.spec) else { return nil }
    var revision = revision
    revision.pod.spec = spec
    return revision
  }

  func keep(_ rollout: Rollout, of key: PodKey) {
    let content = rollout.json.encoded()
    kept.withLock { $0[key] = content }
    write { [store, events] in
      do throws(BerthError) { try store.putRollout(key, content) } catch {
        events.record("Failed", "\(error)", pod: key, severity: .warning)
      }
    }
  }

  func forget(_ key: PodKey) {
    guard kept.withLock({ $0.removeValue(forKey: key) }) != nil else { return }
    write { [store, events] in
      do throws(BerthError) { try store.removeRollout(key) } catch { events.record("Failed", "\(error)", pod: key, severity: .warning) }
    }
  }
}

/// Where rollouts are kept beyond a daemon's life.
public protocol RolloutStore: Sendable {
  func allRollouts() throws(BerthError) -> [(key: PodKey, content: [UInt8])]
  func putRollout(_ key: PodKey, _ content: [UInt8]) throws(BerthError)
  func removeRollout(_ key: PodKey) throws(BerthError)
}
