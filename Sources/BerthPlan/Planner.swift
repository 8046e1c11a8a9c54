import BerthCore
import BerthManifest

/// What to do for a pod and why: a pure function of what is asked for, what is there and the time.
///
/// The steps, in this order; the first that has something to do ends the plan:
/// 1. Nothing is asked for (or it is suspended): stop what runs, then remove the pod.
///    So too if its removal had begun for an earlier reason: a container that was told to stop ends no other way than by that.
/// 2. An image is missing: pull it. A pod that runs with an older spec goes on meanwhile.
/// 3. The pod isn't there: create it.
/// 4. The sandbox is lost and no process is left: remove the pod, so that it is created anew. One that has finished stays as it is.
/// 5. The spec differs: take it over in place where every difference allows that, else stop and remove the pod, or start another beside
///    it (`Planner+StartFirst`). Else, with the sandbox lost, leave running containers alone.
/// 6. All containers have finished, or the pod has failed: stop what still runs, release what a finished pod keeps once its time is over.
/// 7. Its deadline has passed: fail it.
/// 8. Stop containers that failed their probes.
/// 9. Run the init containers in order, each to success; a sidecar until it is ready.
/// 10. Start the containers that don't run and whose restart policy, back-off and dependencies say so.
///
/// What holds the pod's next form up (an image that is missing, a limit that can't be taken over) never holds up the containers of the
/// form that runs. `unmet`: dependencies that keep containers from being started, in words. `absence`: why nothing is asked for, where
/// that is so.
public func plan(
  desired: DesiredPod?, absence: String = "its manifest was removed", actual: ActualPod?,
  beside others: OtherInstances = OtherInstances(), images: [String: ImageState], unmet: [String] = [], now: Instant
) -> PodPlan {
  var plan: PodPlan
  if let successor = others.successor {
    plan = planSuccession(to: successor, isReady: others.isSuccessorReady, from: actual, desired, absence, unmet: unmet, now: now)
  } else {
    let earlier = others.leaving.count(where: \.isEarlierRun)
    plan = planCurrent(desired, absence, actual, earlierRuns: earlier, images: images, unmet: unmet, now: now)
  }
  for pod in others.leaving {
    let reason = pod.isEarlierRun ? reasonToEndRun(pod, desired, absence) : "another instance has taken over"
    let own = reason.map { planRemoval(of: pod, because: $0, now: now) } ?? planEarlierRun(pod, now: now)
    plan.merge(own.on(.leaving(uid: pod.uid)))
  }
  return plan
}

/// Where one incarnation is all there is, and none is to take over from it yet.
private func planCurrent(
  _ desired: DesiredPod?, _ absence: String, _ actual: ActualPod?, earlierRuns: Int, images: [String: ImageState], unmet: [String],
  now: Instant
) -> PodPlan {
  guard let desired, desired.suspension == nil else {
    return actual.map { planRemoval(of: $0, because: desired?.suspension ?? absence, now: now) } ?? PodPlan()
  }
  if let actual, actual.isBeingRemoved { return planRemoval(of: actual, because: "its removal had begun", now: now) }
  if desired.spec.schedule != nil { return planScheduled(desired, actual, earlierRuns, images: images, unmet: unmet, now: now) }
  let missing = planImages(desired, actual: actual, images: images, now: now)
  guard let actual else { return missing ?? planCreation(of: desired, unmet: unmet) }
  if hasFinishedWithoutShim(actual), desired.hash == actual.hash { return planFinishedLoss(of: actual, now: now) }
  if case .lost(processesLeft: false) = actual.sandbox { return planLoss(of: actual, processesLeft: false, now: now) }
  var plan = PodPlan()
  var difference: DifferencePlan?
  if desired.hash != actual.hash {
    difference = planChange(to: desired, of: actual, missing: missing, unmet: unmet, now: now)
  } else if !actual.drift.isEmpty, desired.spec.onDrift == .repair {
    difference = planRepair(of: actual, missing: missing, now: now)
  }
  switch difference {
  case .whole(let all)?: return all
  case .besides(let some)?: plan = some
  case nil: break
  }
  if case .lost(processesLeft: true) = actual.sandbox {
    return plan.actions.isEmpty ? planLoss(of: actual, processesLeft: true, now: now) : plan
  }
  var running = planContainers(of: actual, unmet: unmet, now: now)
  // What the new spec doesn't have any more is on its way out.
  let kept = Set(desired.spec.allContainers.map(\.name))
  running.actions.removeAll { action in action.verb.container.map { !kept.contains($0) } ?? false }
  plan.merge(running)
  return plan
}

/// What a difference between what is asked for and what is there leads to.
enum DifferencePlan {
  /// This and nothing else.
  case whole(PodPlan)
  /// This, while the pod's containers are kept running.
  case besides(PodPlan)
}

func earliest(_ a: Instant?, _ b: Instant?) -> Instant? {
  guard let a, let b else { return a ?? b }
  return min(a, b)
}
