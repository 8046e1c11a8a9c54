import BerthCore
import BerthManifest

/// Everything that will be done for a pod until nothing is left to do, if all goes well: images are found, containers start and stay up,
/// init containers succeed. It plans, supposes that the actions have had their effect, and plans again: what `berth diff` prints, and
/// what the executor then does.
public func forecast(desired: DesiredPod?, actual: ActualPod?, images: [String: ImageState], now: Instant) -> PodPlan {
  let first = plan(desired: desired, actual: actual, images: images, now: now)
  var whole = first
  var world = SupposedWorld(actual: actual, images: images, now: now)
  var next = first
  // No pod needs as many rounds as it has containers and steps; a plan that never ends is a bug that others report.
  for _ in 0..<longestForecast where !next.actions.isEmpty {
    for action in next.actions { world.suppose(action.verb, desired) }
    world.settle()
    next = plan(desired: desired, actual: world.actual, images: world.images, now: now)
    whole.actions += next.actions
  }
  return whole
}

private let longestForecast = 256

/// What is there once actions have succeeded.
private struct SupposedWorld {
  var actual: ActualPod?
  var images: [String: ImageState]
  let now: Instant

  mutating func suppose(_ verb: PodAction.Verb, _ desired: DesiredPod?) {
    switch verb {
    case .pullImage(let reference): images[reference] = .present(digest: "")
    case .createPod:
      guard let desired else { return }
      actual = ActualPod(uid: "", hash: desired.hash, spec: desired.spec, sandbox: .ready)
    case .startContainer(let name, let attempt):
      let now = now
      // A sidecar goes on.
      let isInit = actual?.spec.initContainers.contains { $0.name == name && !$0.isSidecar } == true
      actual?.containers[name] = ActualContainer(attempt: attempt, state: isInit ? .exited(Self.success(now)) : .running(since: now))
    case .stopContainer(let name, _), .retireContainer(let name):
      let end = Self.success(now)
      actual?.containers[name]?.state = .exited(end)
    case .removeContainer(let name): actual?.containers[name] = nil
    case .recordSpec:
      guard let desired else { return }
      actual?.spec = desired.spec
      actual?.hash = desired.hash
    case .removePod: actual = nil
    case .updateResources, .updateVolume: actual?.drift = []
    case .signalContainer: break
    }
  }

  /// What is on its way arrives.
  mutating func settle() {
    for (name, container) in actual?.containers ?? [:] where container.state == .stopping {
      let end = Self.success(now)
      actual?.containers[name]?.state = .exited(end)
    }
    for (reference, state) in images where state == .pulling { images[reference] = .present(digest: "") }
  }

  private static func success(_ now: Instant) -> ContainerExit {
    ContainerExit(outcome: .code(0, signal: nil, oomKilled: false), at: now, ran: .zero)
  }
}
