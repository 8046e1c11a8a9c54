import BerthCore
import BerthManifest
import Synchronization

/// The workers by pod.
final class WorkerTable: Sendable {
  private let workers = Mutex<[PodKey: PodWorker]>([:])

  func worker(_ key: PodKey) -> PodWorker? { workers.withLock { $0[key] } }
  /// nil where it has retired, too.
  func active(_ key: PodKey) -> PodWorker? { worker(key).flatMap { $0.isActive ? $0 : nil } }
  func all() -> [PodWorker] { workers.withLock { Array($0.values) }.sorted { $0.key < $1.key } }
  /// Returns the one that was there already, if any.
  @discardableResult func insert(_ worker: PodWorker) -> PodWorker {
    workers.withLock { workers in
      if let there = workers[worker.key], there.isActive { return there }
      workers[worker.key] = worker
      return worker
    }
  }
  /// `andThen` before anybody can take its place; not at all if somebody has.
  func remove(_ worker: PodWorker, andThen: () -> Void) {
    workers.withLock { workers in
      guard workers[worker.key] === worker else { return }
      workers[worker.key] = nil
      andThen()
    }
  }
}
