import BerthCore
import BerthManifest

/// The first step of an update that starts first: another instance beside the one that serves. Its images are there already.
func planSuccessor(_ desired: DesiredPod, because reason: String, changes: [FieldChange], unmet: [String]) -> PodPlan {
  planCreation(of: desired, because: "\(reason) (start-first)", changes: changes, unmet: unmet).on(.successor)
}

/// While two instances are there. The one that serves goes on until the successor has shown that it is ready; a successor that isn't what
/// is asked for any more goes, and what is asked for comes after it.
func planSuccession(
  to successor: ActualPod, isReady: Bool, from current: ActualPod?, _ desired: DesiredPod?, _ absence: String,
  unmet: [String], now: Instant
) -> PodPlan {
  guard let desired, desired.suspension == nil else {
    let reason = desired?.suspension ?? absence
    var plan = current.map { planRemoval(of: $0, because: reason, now: now) } ?? PodPlan()
    plan.merge(planRemoval(of: successor, because: reason, now: now).on(.successor))
    return plan
  }
  var plan = PodPlan()
  if let reason = reasonToDrop(successor, for: desired, current) {
    plan = planRemoval(of: successor, because: reason, now: now).on(.successor)
  } else if isReady || current.map(\.isOver) ?? true {
    var action = PodAction(.takeOver, because: isReady ? "it is ready" : "the instance that served is gone")
    action.instance = .successor
    plan.actions = [action]
    return plan
  } else if case .lost = successor.sandbox {
    plan = planLoss(of: successor, processesLeft: successor.sandbox == .lost(processesLeft: true), now: now).on(.successor)
  } else {
    plan = planContainers(of: successor, unmet: unmet, now: now).on(.successor)
    if plan.waitingFor == nil { plan.wait(for: "the new instance to be ready") }
  }
  if let current { plan.merge(planServing(current, unmet: unmet, now: now)) }
  return plan
}

private func reasonToDrop(_ successor: ActualPod, for desired: DesiredPod, _ current: ActualPod?) -> String? {
  if successor.isBeingRemoved { return "its removal had begun" }
  if successor.hash != desired.hash { return "another spec is asked for" }
  if current?.hash == desired.hash, current?.isOver == false { return "the running instance is what is asked for" }
  return nil
}

/// The instance that serves is kept as it is, whatever is asked for in its place.
private func planServing(_ pod: ActualPod, unmet: [String], now: Instant) -> PodPlan {
  if pod.isBeingRemoved { return planRemoval(of: pod, because: "its removal had begun", now: now) }
  if case .lost = pod.sandbox { return PodPlan() }
  return planContainers(of: pod, unmet: unmet, now: now)
}

extension ActualPod {
  /// Whether it doesn't serve any more.
  fileprivate var isOver: Bool { isBeingRemoved || sandbox == .lost(processesLeft: false) }
}
