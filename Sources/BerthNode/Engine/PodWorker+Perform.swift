import BerthCore
import BerthManifest
import BerthPlan
import BerthPods

/// Doing what the plan says; every action leaves one event that names it.
extension PodWorker {
  /// In the plan's order; starts that stand next to each other happen side by side.
  func perform(_ actions: [PodAction], _ observation: PodObservation?) async throws(BerthError) {
    var at = 0
    while at < actions.count {
      var starts: [(name: String, attempt: UInt32, reason: String)] = []
      while at < actions.count, case .startContainer(let name, let attempt) = actions[at].verb {
        starts.append((name, attempt, actions[at].reason))
        at += 1
      }
      if starts.isEmpty {
        try await perform(actions[at], observation)
        at += 1
      } else {
        try await start(starts, observation)
      }
    }
  }

  private func start(_ starts: [(name: String, attempt: UInt32, reason: String)], _ observation: PodObservation?) async throws(BerthError) {
    guard let pod else { throw BerthError(.bug, "start container", "\(key)", cause: "the pod is not there") }
    let steps = starts.map { start in
      observation?.actual.containers[start.name].map { container in nextStep(after: container, observation) } ?? 0
    }
    let results = await withTaskGroup(of: (Int, Result<BerthError?, BerthError>).self) { group in
      for (at, (start, step)) in zip(starts, steps).enumerated() {
        group.addTask {
          do throws(BerthError) {
            return (at, .success(try await pod.start(start.name, attempt: start.attempt, backoffStep: step)))
          } catch { return (at, .failure(error)) }
        }
      }
      return await group.reduce(into: [:]) { all, result in all[result.0] = result.1 }
    }
    for (at, start) in starts.enumerated() {
      if let failure = try results[at]?.get() {
        services.events.record(
          "Failed", "container \(start.name): \(failure)", pod: key, container: start.name, severity: .warning,
          action: "start_container")
      } else {
        let verb = start.attempt == 0 ? "Started" : "Restarted"
        services.events.record(
          verb, "container \(start.name): \(start.reason)", pod: key, container: start.name, action: "start_container")
      }
    }
  }

  private func nextStep(after container: ActualContainer, _ observation: PodObservation?) -> Int {
    guard case .exited(let exit) = container.state, let backoff = observation?.actual.spec.restartBackoff else { return 0 }
    return backoff.step(of: container, after: exit) + 1
  }

  private func perform(_ action: PodAction, _ observation: PodObservation?) async throws(BerthError) {
    let target = entry?.desired.map { rollout.target(for: $0).pod }
    switch action.verb {
    case .pullImage(let reference):
      tell("Pulling", "image \(reference): \(action.reason)", action)
      if let target { services.images.pull(reference, for: target, worker: self) }
    case .createPod:
      try await create()
      tell("Created", action.reason, action)
    case .startContainer: break
    case .stopContainer(let name):
      tell("Killing", "container \(name): \(action.reason)", action)
      try await pod?.stop(name)
    case .retireContainer(let name):
      tell("Killing", "container \(name): \(action.reason)", action)
      try await pod?.retire(name)
    case .removeContainer(let name):
      try await pod?.removeContainer(name)
      tell("Removed", "container \(name): \(action.reason)", action)
    case .updateResources(let container):
      if let target { try await pod?.updateResources(container, to: target.spec) }
      tell("Updated", action.changeText, action)
    case .updateVolume(let name):
      if let target { try await pod?.updateVolume(name, to: target.spec) }
      tell("Updated", action.changeText, action)
    case .signalContainer(let name, let signal):
      try await pod?.signal(name, signal)
      tell("Signalled", "container \(name) with \(signal): \(action.reason)", action)
    case .recordSpec:
      if let target { try await pod?.record(spec: target.spec, hash: target.hash) }
      tell("Updated", action.changeText, action)
    case .removePod:
      try await pod?.remove()
      pod = nil
      reported = [:]
      tell("Removed", action.reason, action)
    }
  }

  /// What was done, in the order in which it was done.
  private func tell(_ reason: String, _ message: String, _ action: PodAction) {
    services.events.record(reason, message, pod: key, container: action.verb.container, action: action.verb.name)
  }

  private func create() async throws(BerthError) {
    guard let entry, let desired = entry.desired else { return }
    let target = rollout.target(for: desired)
    generation += 1
    var request = PodRequest(spec: target.pod.spec, hash: target.pod.hash, source: entry.source ?? "", generation: generation)
    request.images = target.images
    pod = try await services.pods.create(request)
  }
}

extension PodAction {
  /// The field-level changes, or the reason where there are none.
  fileprivate var changeText: String { changes.isEmpty ? reason : changes.map(\.description).joined(separator: ", ") }
}
