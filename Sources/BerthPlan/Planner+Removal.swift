import BerthCore
import BerthManifest

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
  } else if let createdAt = actual.createdAt, createdAt + lossPause(actual.losses) > now {
    plan.wakeAt = createdAt + lossPause(actual.losses)
    plan.waitingFor = "a pause before the next attempt: the pod's shim has died \(actual.losses + 1) times, each time soon after its start"
  } else {
    plan.actions.append(PodAction(.removePod, because: "its shim is gone and none of its processes is left"))
  }
  return plan
}

/// From one incarnation to the next, where shims die over and over: none the first time, then from a second up to five minutes.
private func lossPause(_ losses: Int) -> Duration {
  losses == 0 ? .zero : min(.seconds(1 << min(losses - 1, 16)), .seconds(300))
}
