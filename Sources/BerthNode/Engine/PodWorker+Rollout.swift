import BerthCore
import BerthLinux
import BerthManifest
import BerthPlan
import BerthPods

extension PodWorker {
  /// Tells the rollout what is there. Returns whether another plan is to be made at once, and when to look again.
  func follow(_ sight: Sighting, now: Instant) -> (isChanged: Bool, wakeAt: Instant?) {
    guard let observation = sight.newest, !observation.actual.isBeingRemoved else { return (false, nil) }
    let before = rollout
    let running = DesiredPod(spec: observation.actual.spec, hash: observation.actual.hash)
    if rollout.revisions.last?.pod.hash != running.hash {
      rollout.begin(running, images: observation.images, now: now, wallNow: Clock.wallNanoseconds())
    }
    let wakeAt = rollout.judge(observation.actual, readySince: observation.actual.readySince, now: now)
    tell(since: before)
    // The first spec of a pod is worth writing down once it has shown that it is any good.
    let isFirst = rollout.revisions.count == 1 && rollout.revisions.last?.outcome == .progressing
    if !isFirst && (rollout.revisions != before.revisions || rollout.hold != before.hold) { services.rollouts.keep(rollout, of: key) }
    let isProven = sight.successor != nil && rollout.revisions.last?.outcome != before.revisions.last?.outcome
    return (rollout.hold != before.hold || isProven, wakeAt)
  }

  /// What the planner must know of the incarnations beside the one that serves.
  func others(_ sight: Sighting) -> OtherInstances {
    var others = OtherInstances(successor: sight.successor?.actual, leaving: sight.leaving.sorted { $0.key < $1.key }.map(\.value.actual))
    if let successor = sight.successor?.actual, let last = rollout.revisions.last {
      others.isSuccessorReady = last.outcome == .good && last.pod.hash == successor.hash && successor.readySince != nil
    }
    return others
  }

  private func tell(since before: Rollout) {
    guard let last = rollout.revisions.last, last.outcome != before.revisions.last?.outcome || last.number != before.revisions.last?.number
    else { return }
    switch last.outcome {
    case .progressing: break
    case .good: if rollout.revisions.count > 1 { services.events.record("Updated", "revision \(last.number) is ready", pod: key) }
    case .failed(let words):
      let isStuck = last.pod.spec.update.rollback && rollout.revisions.count > 1 && rollout.lastGood(before: last.pod.hash) == nil
      let rest = isStuck ? "; no earlier one was ever ready, so none is put back" : ""
      services.events.record("UpdateFailed", "revision \(last.number): \(words)\(rest)", pod: key, severity: .warning)
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
