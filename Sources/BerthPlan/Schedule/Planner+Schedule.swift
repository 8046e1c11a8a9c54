import BerthCore
import BerthManifest

/// A pod with a schedule: there from the time of a run until the next one's. A run that goes on keeps the spec that it began with.
func planScheduled(
  _ desired: DesiredPod, _ actual: ActualPod?, images: [String: ImageState], unmet: [String], now: Instant
) -> PodPlan {
  let turn = desired.turn ?? ScheduledTurn()
  var plan = PodPlan()
  if let actual {
    plan = planRun(of: actual, desired, turn, unmet: unmet, now: now)
  } else if turn.due != nil {
    plan = planImages(desired, actual: nil, images: images, now: now) ?? planCreation(of: desired, because: "its run is due", unmet: unmet)
  }
  plan.wakeAt = earliest(plan.wakeAt, turn.next)
  if let problem = turn.problem { plan.wait(for: problem) }
  return plan
}

private func planRun(of actual: ActualPod, _ desired: DesiredPod, _ turn: ScheduledTurn, unmet: [String], now: Instant) -> PodPlan {
  guard let run = actual.scheduledFor else {
    return planRemoval(of: actual, because: "the manifest makes it a job that runs on a schedule", now: now)
  }
  if case .lost(let processesLeft) = actual.sandbox, !actual.isFinished {
    return planLoss(of: actual, processesLeft: processesLeft, now: now)
  }
  if let due = turn.due, due != run {
    let isOver = (actual.isFinished || actual.failure != nil) && actual.containers.values.allSatisfy { !$0.state.isLive }
    if isOver || actual.sandbox == .released { return planRemoval(of: actual, because: "its next run is due", now: now) }
    if desired.spec.schedule?.concurrencyPolicy == .replace {
      return planRemoval(of: actual, because: "its next run is due (concurrency_policy = \"replace\")", now: now)
    }
  }
  return planContainers(of: actual, unmet: unmet, now: now)
}
