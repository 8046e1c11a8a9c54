import BerthCore
import BerthManifest

/// A pod with a schedule: there from the time of a run until the next one's. A run that goes on keeps the spec that it began with.
func planScheduled(
  _ desired: DesiredPod, _ actual: ActualPod?, _ earlierRuns: Int, images: [String: ImageState], unmet: [String], now: Instant
) -> PodPlan {
  let turn = desired.turn ?? ScheduledTurn()
  var plan = PodPlan()
  if let actual {
    plan = planRun(of: actual, desired, turn, earlierRuns, images: images, unmet: unmet, now: now)
  } else if turn.due != nil {
    plan = planImages(desired, actual: nil, images: images, now: now) ?? planCreation(of: desired, because: "its run is due", unmet: unmet)
  }
  plan.wakeAt = earliest(plan.wakeAt, turn.next)
  if let problem = turn.problem { plan.wait(for: problem) }
  return plan
}

private func planRun(
  of actual: ActualPod, _ desired: DesiredPod, _ turn: ScheduledTurn, _ earlierRuns: Int, images: [String: ImageState], unmet: [String],
  now: Instant
) -> PodPlan {
  guard let run = actual.scheduledFor else {
    return planRemoval(of: actual, because: "the manifest makes it a job that runs on a schedule", now: now)
  }
  if case .lost(let processesLeft) = actual.sandbox, !actual.isFinished {
    return planLoss(of: actual, processesLeft: processesLeft, now: now)
  }
  if let due = turn.due, due != run {
    if actual.isOver { return planRemoval(of: actual, because: "its next run is due", now: now) }
    switch desired.spec.schedule?.concurrencyPolicy {
    case .replace: return planRemoval(of: actual, because: "its next run is due (concurrency_policy = \"replace\")", now: now)
    case .allow:
      var plan = planContainers(of: actual, unmet: unmet, now: now)
      plan.merge(planRunBeside(actual, desired, earlierRuns, images: images, unmet: unmet, now: now))
      return plan
    case .forbid, nil: break
    }
  }
  return planContainers(of: actual, unmet: unmet, now: now)
}

// MARK: runs side by side

extension ScheduleSpec {
  /// How many runs of one schedule go on at once; the next waits for the end of one.
  public static let runsLimit = 10
}

/// The newest run makes room for the next, once nothing keeps that from being made.
private func planRunBeside(
  _ actual: ActualPod, _ desired: DesiredPod, _ earlierRuns: Int, images: [String: ImageState], unmet: [String], now: Instant
) -> PodPlan {
  // With the same spec, the images of the run that goes on are the next one's, too.
  if actual.hash != desired.hash, let missing = planImages(desired, actual: nil, images: images, now: now) { return missing }
  var plan = PodPlan()
  if let first = unmet.first {
    plan.wait(for: first)
  } else if earlierRuns + 1 >= ScheduleSpec.runsLimit {
    plan.wait(for: "one of \(ScheduleSpec.runsLimit) runs to end before the next")
  } else {
    plan.actions.append(PodAction(.setAside, because: "its next run is due (concurrency_policy = \"allow\")"))
  }
  return plan
}

/// Why an earlier run is to go; nil while it goes on.
func reasonToEndRun(_ run: ActualPod, _ desired: DesiredPod?, _ absence: String) -> String? {
  if run.isBeingRemoved { return "its removal had begun" }
  guard let desired, desired.suspension == nil else { return desired?.suspension ?? absence }
  guard let schedule = desired.spec.schedule else { return "the manifest has no schedule any more" }
  if schedule.concurrencyPolicy == .replace { return "concurrency_policy = \"replace\"" }
  if run.isOver { return "it has ended, and a newer run is there" }
  return run.sandbox == .lost(processesLeft: false) ? "its shim is gone and none of its processes is left" : nil
}

/// A run that goes on beside the newest, as it began.
func planEarlierRun(_ run: ActualPod, now: Instant) -> PodPlan {
  if run.sandbox == .lost(processesLeft: true), !run.isFinished { return planLoss(of: run, processesLeft: true, now: now) }
  return planContainers(of: run, now: now)
}

extension ActualPod {
  /// Whether this run has come to its end, and nothing of it is left to be stopped.
  fileprivate var isOver: Bool {
    sandbox == .released || (isFinished || failure != nil) && containers.values.allSatisfy { !$0.state.isLive }
  }
}
