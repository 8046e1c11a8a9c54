import BerthCore
import BerthManifest

/// Everything that will be done for a pod until nothing is left to do, if all goes well: images are found, containers start and stay up,
/// init containers succeed, dependencies come as far as they must. It plans, supposes that the actions have had their effect, and plans
/// again: what `berth diff` prints, and what the executor then does.
public func forecast(
  desired: DesiredPod?, actual: ActualPod?, beside others: OtherInstances = OtherInstances(), images: [String: ImageState],
  unmet: [String] = [], now: Instant
) -> PodPlan {
  var next = plan(desired: desired, actual: actual, beside: others, images: images, unmet: unmet, now: now)
  var whole = next
  if next.actions.isEmpty, !unmet.isEmpty {
    next = plan(desired: desired, actual: actual, beside: others, images: images, now: now)
    whole.actions = next.actions
  }
  var world = SupposedWorld(actual: actual, others: others, images: images, now: now)
  // No pod needs as many rounds as it has containers and steps; a plan that never ends is a bug that others report.
  for _ in 0..<longestForecast where !next.actions.isEmpty {
    for action in next.actions { world.suppose(action, desired) }
    world.settle()
    next = plan(desired: desired, actual: world.actual, beside: world.others, images: world.images, now: now)
    whole.actions += next.actions
  }
  return whole
}

private let longestForecast = 256

/// What is there once actions have succeeded.
private struct SupposedWorld {
  var actual: ActualPod?
  var others: OtherInstances
  var images: [String: ImageState]
  let now: Instant

  mutating func suppose(_ action: PodAction, _ desired: DesiredPod?) {
    let now = now
    let success = Self.success(now)
    switch action.verb {
    case .pullImage(let reference): images[reference] = .present(digest: "")
    case .createPod:
      guard let desired else { return }
      self[action.instance] = ActualPod(uid: "", hash: desired.hash, spec: desired.spec, sandbox: .ready)
      self[action.instance]?.scheduledFor = desired.turn?.due
      self[action.instance]?.past = desired.past
      for name in desired.past.keys where desired.spec.hasDone(name, past: desired.past) {
        self[action.instance]?.containers[name] = ActualContainer(state: .exited(success))
        self[action.instance]?.containers[name]?.isPast = true
      }
    case .startContainer(let name, let attempt):
      // A sidecar goes on.
      let isInit = self[action.instance]?.spec.initContainers.contains { $0.name == name && !$0.isSidecar } == true
      self[action.instance]?.containers[name] = ActualContainer(attempt: attempt, state: isInit ? .exited(success) : .running(since: now))
    case .stopContainer(let name, _), .retireContainer(let name):
      self[action.instance]?.containers[name]?.state = .exited(success)
      self[action.instance]?.drift.removeAll { if case .mounts(name, _) = $0 { true } else { false } }
    case .removeContainer(let name): self[action.instance]?.containers[name] = nil
    case .recordSpec:
      guard let desired else { return }
      self[action.instance]?.spec = desired.spec
      self[action.instance]?.hash = desired.hash
    case .removePod: self[action.instance] = nil
    case .takeOver:
      if let actual { others.leaving.append(actual) }
      actual = others.successor
      others.successor = nil
    case .setAside:
      actual?.isEarlierRun = true
      if let actual { others.leaving.append(actual) }
      actual = nil
    case .failPod(let failure): self[action.instance]?.failure = failure
    case .releasePod: self[action.instance]?.sandbox = .released
    case .updateResources, .updateVolume: self[action.instance]?.drift = []
    case .signalContainer: break
    }
  }

  /// What is on its way arrives.
  mutating func settle() {
    let end = Self.success(now)
    actual?.endStops(end)
    others.successor?.endStops(end)
    for at in others.leaving.indices { others.leaving[at].endStops(end) }
    others.isSuccessorReady = others.successor?.readySince != nil
    for (reference, state) in images where state == .pulling { images[reference] = .present(digest: "") }
  }

  private subscript(instance: PodInstance) -> ActualPod? {
    get {
      switch instance {
      case .current: actual
      case .successor: others.successor
      case .leaving(let uid): others.leaving.first { $0.uid == uid }
      }
    }
    set {
      switch instance {
      case .current: actual = newValue
      case .successor: others.successor = newValue
      case .leaving(let uid):
        guard let at = others.leaving.firstIndex(where: { $0.uid == uid }) else { return }
        if let newValue { others.leaving[at] = newValue } else { others.leaving.remove(at: at) }
      }
    }
  }

  private static func success(_ now: Instant) -> ContainerExit {
    ContainerExit(outcome: .code(0, signal: nil, oomKilled: false), at: now, ran: .zero)
  }
}

extension ActualPod {
  /// Containers that were told to stop have.
  fileprivate mutating func endStops(_ end: ContainerExit) {
    for (name, container) in containers where container.state == .stopping { containers[name]?.state = .exited(end) }
  }
}
