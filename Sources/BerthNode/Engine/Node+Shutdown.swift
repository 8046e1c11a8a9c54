import BerthCore
import BerthManifest
import Synchronization

extension Node {
  /// Stops and removes every pod, each after those that depend on it; manifests are not followed any more. Returns once nothing is
  /// left, or throws `.deadlineExceeded`.
  public func stopAllPods(timeout: Duration) async throws(BerthError) {
    memory.freeze()
    services.schedules.freeze()
    services.pasts.freeze()
    isShuttingDown.withLock { $0 = true }
    let nothing = DesiredEntry(absence: "the node is shut down")
    let told = Mutex<Set<PodKey>>([])
    let done = await Waiting.until(statuses, timeout: timeout) {
      let active = self.workers.all().filter(\.isActive)
      if active.isEmpty { return true }
      let needed = Set(active.flatMap { self.desired.entry($0.key)?.desired?.spec.dependsOn.map(\.pod) ?? [] })
      let free = active.filter { !needed.contains($0.key) }
      // Pods in a circle all at once.
      for worker in free.isEmpty ? active : free where told.withLock({ $0.insert(worker.key).inserted }) { worker.mark(nothing) }
      return false
    }
    guard done else {
      let left = workers.all().filter(\.isActive).map { "\($0.key)" }
      throw BerthError(.deadlineExceeded, "stop all pods", cause: "still there: \(left.joined(separator: ", "))")
    }
  }
}
