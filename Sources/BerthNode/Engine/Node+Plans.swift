import BerthCore
import BerthManifest
import BerthPlan

/// What is asked of a pod's plan and of its revisions.
extension Node {
  /// The plan of every pod that has something to do or waits for something, by pod; not what waits for approval.
  public func plans() async -> [(key: PodKey, plan: PodPlan)] {
    var plans: [(PodKey, PodPlan)] = []
    for worker in workers.all() {
      // On the engine's threads: a look may block.
      let plan = await Task(executorPreference: services.pool) { await worker.currentPlan() }.value
      if !plan.isConverged { plans.append((worker.key, plan)) }
    }
    return plans
  }

  /// What would be done if `entry` were in the directory.
  public func plan(for key: PodKey, entry: DesiredEntry) async -> PodPlan {
    let worker = workers.worker(key) ?? PodWorker(key: key, services: services)
    let entry = placed(entry)
    return await Task(executorPreference: services.pool) { await worker.currentPlan(for: entry) }.value
  }

  /// The revisions of a pod, the newest last.
  public func rollout(of key: PodKey) async throws(BerthError) -> Rollout { try await worker(of: key).history() }

  /// Runs an earlier revision until the manifest changes; without a number the last one that was ready.
  public func rollBack(_ key: PodKey, to number: Int64?) async throws(BerthError) -> Revision {
    try await worker(of: key).rollBack(to: number)
  }

  private func worker(of key: PodKey) throws(BerthError) -> PodWorker {
    guard let worker = workers.worker(key) else { throw unknownPod(key, "find pod") }
    return worker
  }
}
