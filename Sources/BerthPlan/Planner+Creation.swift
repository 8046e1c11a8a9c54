import BerthCore
import BerthManifest

/// Which images of `desired` must still be pulled, and what is waited for meanwhile; nil once every image is there. Those of a pod that
/// already runs this very spec (`actual`) were pinned when it was created.
public func planImages(_ desired: DesiredPod, actual: ActualPod?, images: [String: ImageState], now: Instant) -> PodPlan? {
  var plan = PodPlan()
  var waiting: [String] = []
  for reference in desired.spec.imageReferences {
    switch images[reference] ?? .absent {
    case .present: break
    case .absent: plan.actions.append(PodAction(.pullImage(reference: reference), because: desired.spec.reasonToPull(reference)))
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
