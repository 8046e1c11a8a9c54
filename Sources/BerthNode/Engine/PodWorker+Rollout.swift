import BerthCore
import BerthLinux
import BerthManifest
import BerthPlan
import BerthPods

extension PodWorker {
  /// Tells the rollout what is there. Returns whether another spec is to be run from now on, and when to look again.
  func follow(_ observation: PodObservation?, _ status: PodStatus, now: Instant) -> (isChanged: Bool, wakeAt: Instant?) {
    guard let observation, !observation.actual.isBeingRemoved else { return (false, nil) }
    let before = rollout
    let running = DesiredPod(spec: observation.actual.spec, hash: observation.actual.hash)
    if rollout.revisions.last?.pod.hash != running.hash {
      rollout.begin(running, images: observation.images, now: now, wallNow: Clock.wallNanoseconds())
    }
    let wakeAt = rollout.judge(observation.actual, readySince: readySince(observation, status), now: now)
    tell(since: before)
    // The first spec of a pod is worth writing down once it has shown that it is any good.
    let isFirst = rollout.revisions.count == 1 && rollout.revisions.last?.outcome == .progressing
    if !isFirst && (rollout.revisions != before.revisions || rollout.hold != before.hold) { services.rollouts.keep(rollout, of: key) }
    return (rollout.hold != before.hold, wakeAt)
  }

  /// Since when every container has been up and ready, nil while one isn't. A pod that has done its work is ready, too.
  private func readySince(_ observation: PodObservation, _ status: PodStatus) -> Instant? {
    if status.phase == .succeeded { return Instant(nanoseconds: 0) }
    guard status.ready else { return nil }
    let starts = observation.actual.containers.values.compactMap { container -> Instant? in
      if case .running(let since) = container.state { since } else { nil }
    }
    return starts.max()
  }

  private func tell(since before: Rollout) {
    guard let last = rollout.revisions.last, last.outcome != before.revisions.last?.outcome || last.number != before.revisions.last?.number
    else { return }
    switch last.outcome {
    case .progressing: break
    case .good: if rollout.revisions.count > 1 { services.events.record("Updated", "revision \(last.number) is ready", pod: key) }
    case .failed(let words): services.events.record("UpdateFailed", "revision \(last.number): \(words)", pod: key, severity: .warning)
    }
    if let hold = rollout.hold, hold != before.hold { services.events.record("RolledBack", hold.reason, pod: key, severity: .warning) }
  }

  /// `berth history`.
  func history() -> Rollout { rollout }

  /// `berth rollback`. The pod follows on its own.
  func rollBack(to number: Int64?) throws(BerthError) -> Revision {
    guard let asked = entry?.desired else {
      throw BerthError(.failedPrecondition, "roll back", "\(key)", cause: "no good manifest of it was seen")
    }
    let revision = try rollout.rollBack(to: number, asked: asked)
    services.rollouts.keep(rollout, of: key)
    services.events.record("RolledBack", rollout.hold?.reason ?? "the manifest's own spec is run again", pod: key)
    mark()
    return revision
  }
}
