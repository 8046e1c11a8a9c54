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
  if desired.hash != actual.hash {
    let changes = SpecDiff.changes(from: actual.spec, to: desired.spec)
    let inPlace = changes.allSatisfy(\.inPlace) && !reusesName(desired, actual)
    // A container that comes needs its image first; else the old pod runs on until the new one's images are there.
    if let missing, !inPlace || addsContainers(desired, actual) {
      plan = missing
    } else if let reason = reasonToRunAgain(desired, actual, changes) {
      return planRemoval(of: actual, because: reason, changes: changes, now: now)
    } else if inPlace {
      plan = actual.sandbox == .released ? planTakeOver(changes) : planInPlace(desired, actual, changes)
    } else if desired.spec.update.strategy == .startFirst,
      actual.spec.startFirstObstacle(to: desired.spec, standard: desired.standardNetwork) == nil
    {
      plan = planSuccessor(desired, because: changedPaths(changes), changes: changes, unmet: unmet)
    } else {
      return planRemoval(of: actual, because: recreationReason(changes, desired, actual), changes: changes, now: now)
    }
  } else if !actual.drift.isEmpty, desired.spec.onDrift == .repair {
    if let reason = actual.drift.lazy.compactMap({ $0.recreationReason(of: actual) }).first {
      return planRemoval(of: actual, because: reason, now: now)
    }
    plan.actions = actual.drift.compactMap { $0.repair(in: actual) }
    // Only what the pod asks for by that name: a name that leads to another image by now is not what the pod was made from.
    if let missing { plan.merge(pulls(for: actual.drift, of: missing)) }
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

/// Of the pulls that are missing, those of images that the running pod was made from. They are tried as often as those of a new pod.
private func pulls(for drift: [Drift], of missing: PodPlan) -> PodPlan {
  var plan = PodPlan()
  guard drift.contains(where: \.isOfAnImage) else { return plan }
  plan.wakeAt = missing.wakeAt
  plan.actions = missing.actions.filter { action in
    if case .pullImage(let reference) = action.verb { drift.contains(.image(reference: reference)) } else { false }
  }
  return plan
}

/// Of a pod that has ended for good: what a change in place can't bring back.
private func reasonToRunAgain(_ desired: DesiredPod, _ actual: ActualPod, _ changes: [FieldChange]) -> String? {
  if actual.failure != nil, changes.contains(where: { $0.path == "active_deadline" }) { return "active_deadline changed after its end" }
  var asked = actual
  asked.spec = desired.spec
  return actual.sandbox == .released && !asked.isFinished ? "it has finished and been cleaned up, and is to run on" : nil
}

private func recreationReason(_ changes: [FieldChange], _ desired: DesiredPod, _ actual: ActualPod) -> String {
  let obstacle =
    desired.spec.update.strategy == .startFirst ? actual.spec.startFirstObstacle(to: desired.spec, standard: desired.standardNetwork) : nil
  return changedPaths(changes) + (obstacle.map { " (recreate, not start-first: \($0))" } ?? " (recreate)")
}

/// What can't be taken over in place.
private func changedPaths(_ changes: [FieldChange]) -> String {
  let paths = changes.filter { !$0.inPlace }.map(\.path)
  return "\(paths.prefix(3).joined(separator: ", ")) changed" + (paths.count > 3 ? " and \(paths.count - 3) more" : "")
}

// MARK: removal

func planRemoval(of actual: ActualPod, because reason: String, changes: [FieldChange] = [], now: Instant) -> PodPlan {
  var plan = PodPlan()
  if case .lost = actual.sandbox { plan.wakeAt = now + lossInterval }
  let live = actual.spec.allContainers.reversed().filter { actual.containers[$0.name]?.state.isLive == true }
  // Sidecars end last, in reverse order, one after the other.
  let others = live.filter { !$0.isSidecar }
  for container in others.isEmpty ? Array(live.prefix(1)) : others {
    if case .running? = actual.containers[container.name]?.state {
      plan.actions.append(PodAction(.stopContainer(name: container.name), because: reason, changes: changes))
    }
  }
  if live.isEmpty, actual.sandbox == .lost(processesLeft: true) {
    plan.waitingFor = "the last processes of a pod whose shim is gone"
  } else if live.isEmpty {
    plan.actions.append(PodAction(.removePod, because: reason, changes: changes))
  } else if plan.actions.isEmpty {
    plan.waitingFor = "containers to stop: \(live.map(\.name).joined(separator: ", "))"
  }
  return plan
}

/// How often a pod is looked at whose shim is gone: nobody is left to tell of its containers' ends.
private let lossInterval: Duration = .seconds(1)

/// Its keeper saw how its containers ended: it isn't run again for the shim's sake.
func hasFinishedWithoutShim(_ actual: ActualPod) -> Bool {
  guard case .lost = actual.sandbox else { return false }
  return actual.isFinished
}

func planFinishedLoss(of actual: ActualPod, now: Instant) -> PodPlan {
  var plan = planContainers(of: actual, now: now)
  if actual.sandbox == .lost(processesLeft: true) { plan.wakeAt = earliest(plan.wakeAt, now + lossInterval) }
  return plan
}

func planLoss(of actual: ActualPod, processesLeft: Bool, now: Instant) -> PodPlan {
  var plan = PodPlan()
  if processesLeft {
    plan.wakeAt = now + lossInterval
    plan.waitingFor = "the containers to end: their shim is gone (ShimLost), they run on and none is started again until then"
  } else {
    plan.actions.append(PodAction(.removePod, because: "its shim is gone and none of its processes is left"))
  }
  return plan
}

// MARK: images

/// nil once every image is there. Images of a pod that already runs this very spec were pinned when it was created.
func planImages(_ desired: DesiredPod, actual: ActualPod?, images: [String: ImageState], now: Instant) -> PodPlan? {
  var plan = PodPlan()
  var waiting: [String] = []
  for reference in desired.spec.imageReferences {
    switch images[reference] ?? .absent {
    case .present: break
    case .absent: plan.actions.append(PodAction(.pullImage(reference: reference), because: "it is not in the store"))
    case .pulling: waiting.append("image \(reference) is being pulled")
    case .failed(let message, let retryAt):
      if let retryAt, retryAt <= now {
        plan.actions.append(PodAction(.pullImage(reference: reference), because: "the last attempt failed: \(message)"))
      } else {
        waiting.append("image \(reference): \(message)")
        plan.wakeAt = earliest(plan.wakeAt, retryAt)
      }
    }
  }
  if plan.actions.isEmpty && waiting.isEmpty { return nil }
  if !waiting.isEmpty { plan.waitingFor = waiting.joined(separator: "; ") }
  return plan
}

func earliest(_ a: Instant?, _ b: Instant?) -> Instant? {
  guard let a, let b else { return a ?? b }
  return min(a, b)
}

// MARK: creation and change in place

func planCreation(
  of desired: DesiredPod, because reason: String = "its manifest asks for it", changes: [FieldChange] = [], unmet: [String]
) -> PodPlan {
  var plan = PodPlan()
  if let first = unmet.first {
    plan.waitingFor = first
    return plan
  }
  plan.actions.append(PodAction(.createPod, because: reason, changes: changes))
  if let first = desired.spec.initContainers.first {
    plan.actions.append(
      PodAction(
        .startContainer(name: first.name, attempt: desired.past.next(first.name)), because: "init containers run first, in order"))
  } else {
    for container in desired.spec.containers where !desired.spec.hasDone(container.name, past: desired.past) {
      let reason = desired.past[container.name] == nil ? "the pod is new" : "the node has been started anew"
      plan.actions.append(
        PodAction(.startContainer(name: container.name, attempt: desired.past.next(container.name)), because: reason))
    }
  }
  return plan
}

private func addsContainers(_ desired: DesiredPod, _ actual: ActualPod) -> Bool {
  desired.spec.containers.contains { container in !actual.spec.containers.contains { $0.name == container.name } }
}

/// A container that comes back under a name that this incarnation had before: the shim still knows the old one.
private func reusesName(_ desired: DesiredPod, _ actual: ActualPod) -> Bool {
  desired.spec.containers.contains { container in
    !actual.spec.containers.contains { $0.name == container.name } && actual.containers[container.name] != nil
  }
}

/// Containers that the manifest has no more: told to stop, waited for, taken away. nil once none is left.
private func planDepartures(_ desired: DesiredPod, _ actual: ActualPod) -> PodPlan? {
  var plan = PodPlan()
  var waiting: [String] = []
  for container in actual.spec.containers where !desired.spec.containers.contains(where: { $0.name == container.name }) {
    let change = FieldChange(path: "container.\(container.name)", old: container.image, new: "", inPlace: true)
    switch actual.containers[container.name]?.state {
    case .running?:
      plan.actions.append(
        PodAction(.retireContainer(name: container.name), because: "the manifest has it no more (in place)", changes: [change]))
    case .stopping?: waiting.append(container.name)
    case .exited?, nil:
      // Taken away with the spec that had it.
      continue
    }
  }
  if !waiting.isEmpty { plan.waitingFor = "containers to stop: \(waiting.joined(separator: ", "))" }
  return plan.actions.isEmpty && waiting.isEmpty ? nil : plan
}

private func planInPlace(_ desired: DesiredPod, _ actual: ActualPod, _ changes: [FieldChange]) -> PodPlan {
  if let departures = planDepartures(desired, actual) { return departures }
  var plan = PodPlan()
  for container in actual.spec.containers where !desired.spec.containers.contains(where: { $0.name == container.name }) {
    guard actual.containers[container.name] != nil else { continue }
    plan.actions.append(PodAction(.removeContainer(name: container.name), because: "it has ended, and the manifest has it no more"))
  }
  let limits = changes.filter(\.isResources)
  for container in [nil] + desired.spec.allContainers.map({ Optional($0.name) }) {
    let own = limits.filter { $0.container == container }
    if !own.isEmpty {
      plan.actions.append(PodAction(.updateResources(container: container), because: "limits changed (in place)", changes: own))
    }
  }
  for volume in desired.spec.volumes {
    let own = changes.filter { $0.contentVolume == volume.name }
    if own.isEmpty { continue }
    plan.actions.append(PodAction(.updateVolume(name: volume.name), because: "its content changed (in place)", changes: own))
    guard case .signal(let signal)? = volume.source.fileSet?.onChange else { continue }
    for container in desired.spec.allContainers where container.mounts.contains(where: { $0.volume == volume.name }) {
      guard case .running? = actual.containers[container.name]?.state else { continue }
      plan.actions.append(
        PodAction(.signalContainer(name: container.name, signal: signal), because: "files of volume \(volume.name) changed"))
    }
  }
  plan.merge(planTakeOver(changes.filter { !$0.isResources && $0.contentVolume == nil }))
  return plan
}

private func planTakeOver(_ changes: [FieldChange]) -> PodPlan {
  var plan = PodPlan()
  plan.actions.append(
    PodAction(.recordSpec, because: changes.isEmpty ? "the manifest's content changed" : "changed in place", changes: changes))
  return plan
}
