import BerthCore
import BerthManifest

// A pod that runs, and differs from what is asked for: by a new spec, or by what somebody did to it.

/// How a new spec is taken over: in place where every difference allows that, by another pod beside this one, or by this one's end.
/// `missing`: the plan for images that aren't here.
func planChange(
  to desired: DesiredPod, of actual: ActualPod, missing: PodPlan?, unmet: [String], now: Instant
) -> DifferencePlan {
  let changes = SpecDiff.changes(from: actual.spec, to: desired.spec)
  let inPlace = changes.allSatisfy(\.inPlace) && !reusesName(desired, actual)
  // A container that comes needs its image first; else the old pod runs on until the new one's images are there.
  if let missing, !inPlace || addsContainers(desired, actual) { return .besides(missing) }
  if let reason = reasonToRunAgain(desired, actual, changes) {
    return .whole(planRemoval(of: actual, because: reason, changes: changes, now: now))
  }
  if inPlace { return .besides(actual.sandbox == .released ? planTakeOver(changes) : planInPlace(desired, actual, changes)) }
  if desired.spec.update.strategy == .startFirst,
    actual.spec.startFirstObstacle(to: desired.spec, standard: desired.standardNetwork) == nil
  {
    return .besides(planSuccessor(desired, because: changedPaths(changes), changes: changes, unmet: unmet))
  }
  return .whole(planRemoval(of: actual, because: recreationReason(changes, desired, actual), changes: changes, now: now))
}

/// What was changed by hand is put back, or the pod is made anew where that can't be.
func planRepair(of actual: ActualPod, missing: PodPlan?, now: Instant) -> DifferencePlan {
  if let reason = actual.drift.lazy.compactMap({ $0.recreationReason(of: actual) }).first {
    return .whole(planRemoval(of: actual, because: reason, now: now))
  }
  var plan = PodPlan()
  plan.actions = actual.drift.compactMap { $0.repair(in: actual) }
  // Only what the pod asks for by that name: a name that leads to another image by now is not what the pod was made from.
  if let missing { plan.merge(pulls(for: actual.drift, of: missing)) }
  return .besides(plan)
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

// MARK: in place

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
