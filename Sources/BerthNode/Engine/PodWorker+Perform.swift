import BerthCore
import BerthLinux
import BerthManifest
import BerthPlan
import BerthPods

/// Doing what the plan says; every action leaves one event that names it.
extension PodWorker {
  /// In the plan's order; starts that stand next to each other happen side by side. What fails is noted, and keeps back only what needs it.
  func perform(_ actions: [PodAction], _ sight: Sighting) async {
    var failed: [PodAction] = []
    var at = 0
    while at < actions.count {
      var starts: [PodAction] = []
      while at < actions.count, case .startContainer = actions[at].verb, starts.last.map({ $0.instance == actions[at].instance }) ?? true {
        starts.append(actions[at])
        at += 1
      }
      if !starts.isEmpty {
        if !starts.contains(where: { start in failed.contains { start.needs($0) } }) { await start(starts, sight) }
        continue
      }
      let action = actions[at]
      at += 1
      if failed.contains(where: { action.needs($0) }) { continue }
      do throws(BerthError) {
        try await perform(action, sight[action.instance])
        failures.succeeded(action)
      } catch {
        note(error, of: action)
        failed.append(action)
      }
    }
  }

  private func note(_ error: BerthError, of action: PodAction) {
    failures.note(error, of: action, now: services.clock.now)
    services.events.record("Failed", "\(error)", pod: key, container: action.verb.container, severity: .warning)
  }

  // MARK: starting

  /// Of one incarnation.
  private func start(_ starts: [PodAction], _ sight: Sighting) async {
    guard let which = starts.first?.instance, let pod = instances[which]?.handle else { return }
    let observation = sight[which]
    let steps = starts.map { start in
      start.verb.container.flatMap { observation?.actual.containers[$0] }.map { nextStep(after: $0, observation) } ?? 0
    }
    let begun = Clock.bootNanoseconds()
    let outcomes = await withTaskGroup(of: (Int, StartOutcome).self) { group in
      for (at, (start, step)) in zip(starts, steps).enumerated() {
        guard case .startContainer(let name, let attempt) = start.verb else { continue }
        group.addTask {
          do throws(BerthError) {
            guard let failure = try await pod.start(name, attempt: attempt, backoffStep: step) else { return (at, .started) }
            return (at, .failed(failure))
          } catch { return (at, .notTried(error)) }
        }
      }
      return await group.reduce(into: [:]) { all, outcome in all[outcome.0] = outcome.1 }
    }
    services.telemetry.start.observe(.nanoseconds(Clock.bootNanoseconds() - begun))
    for (at, start) in starts.enumerated() {
      guard case .startContainer(let name, let attempt) = start.verb else { continue }
      switch outcomes[at] {
      case .failed(let failure):
        services.events.record(
          "Failed", "container \(name): \(failure)", pod: key, container: name, severity: .warning,
          action: start.verb.name)
      case .notTried(let error): note(error, of: start)
      case .started, nil:
        failures.succeeded(start)
        services.events.record(
          attempt == 0 ? "Started" : "Restarted", "container \(name): \(start.reason)", pod: key, container: name,
          action: start.verb.name)
      }
    }
  }

  private enum StartOutcome: Sendable {
    case started
    /// The attempt has ended with it.
    case failed(BerthError)
    case notTried(BerthError)
  }

  private func nextStep(after container: ActualContainer, _ observation: PodObservation?) -> Int {
    guard case .exited(let exit) = container.state, let backoff = observation?.actual.spec.restartBackoff else { return 0 }
    return backoff.step(of: container, after: exit) + 1
  }

  // MARK: everything else

  private func perform(_ action: PodAction, _ observation: PodObservation?) async throws(BerthError) {
    let target = entry?.desired.map { rollout.target(for: $0).pod }
    let pod = instances[action.instance]?.handle
    switch action.verb {
    case .pullImage(let reference):
      tell("Pulling", "image \(reference): \(action.reason)", action)
      if let target { services.images.pull(reference, for: target, worker: self) }
    case .createPod:
      try await create(action.instance)
      services.images.spend(key)
      tell("Created", action.reason, action)
    case .startContainer: break
    case .stopContainer, .retireContainer, .removeContainer, .signalContainer: try await performOnContainer(action, pod, observation)
    case .updateResources(let container):
      if let target { try await pod?.updateResources(container, to: target.spec) }
      tell("Updated", action.changeText, action)
    case .updateVolume(let name):
      if let target { try await pod?.updateVolume(name, to: target.spec) }
      tell("Updated", action.changeText, action)
    case .recordSpec:
      if let target { try await pod?.record(spec: target.spec, hash: target.hash) }
      tell("Updated", action.changeText, action)
    case .failPod, .releasePod, .removePod, .takeOver, .setAside: try await performOnPod(action, pod, observation)
    }
  }

  /// What is done to one container but starting it.
  private func performOnContainer(
    _ action: PodAction, _ pod: (any PodHandle)?, _ observation: PodObservation?
  ) async throws(BerthError) {
    switch action.verb {
    case .stopContainer(let name, let purpose):
      tell("Killing", "container \(name): \(action.reason)", action)
      if let pod { try await stop(name, purpose, because: action.reason, in: pod, observation) }
    case .retireContainer(let name):
      tell("Killing", "container \(name): \(action.reason)", action)
      if let pod { try await stop(name, .completion, because: action.reason, in: pod, observation) }
    case .removeContainer(let name):
      try await pod?.removeContainer(name)
      tell("Removed", "container \(name): \(action.reason)", action)
    case .signalContainer(let name, let signal):
      try await pod?.signal(name, signal)
      tell("Signalled", "container \(name) with \(signal): \(action.reason)", action)
    default: break
    }
  }

  /// What is done to an incarnation as a whole.
  private func performOnPod(_ action: PodAction, _ pod: (any PodHandle)?, _ observation: PodObservation?) async throws(BerthError) {
    switch action.verb {
    case .failPod(let failure):
      try await pod?.fail(failure)
      services.events.record(failure.reason, failure.message, pod: key, severity: .warning)
    case .releasePod:
      try await pod?.release()
      services.events.record("Released", action.reason, pod: key)
    case .removePod:
      try await pod?.remove()
      countLoss(of: observation?.actual)
      forget(action.instance)
      tell("Removed", action.reason, action)
    case .takeOver:
      await instances.serving?.retire()
      try await pod?.takeOver()
      instances.takeOver()
      tell("TookOver", action.reason, action)
    case .setAside:
      try await pod?.setAside()
      instances.setAside()
      tell("RunGoesOn", action.reason, action)
    default: break
    }
  }

  /// What was done, in the order in which it was done.
  private func tell(_ reason: String, _ message: String, _ action: PodAction) {
    services.events.record(reason, message, pod: key, container: action.verb.container, action: action.verb.name)
  }

  private func create(_ which: PodInstance) async throws(BerthError) {
    guard let entry, let desired = entry.desired else { return }
    let target = rollout.target(for: desired)
    generation += 1
    var request = PodRequest(spec: target.pod.spec, hash: target.pod.hash, source: entry.source ?? "", generation: generation)
    request.images = target.images
    if which == .successor { request.successorTo = handle?.uid }
    let wanted = withPast(timed(target.pod, nil), nil)
    request.scheduledFor = wanted?.turn?.due
    if wanted?.past.isEmpty == false { request.past = past }
    instances[which] = Instance(try await services.pods.create(request))
    past = nil
    if let run = request.scheduledFor, let schedule = target.pod.spec.schedule { services.schedules.keep(run, of: key, schedule) }
  }

  private func forget(_ which: PodInstance) {
    guard let uid = instances[which]?.handle.uid else { return }
    instances[which] = nil
    if which == .current { services.pasts.forget(key) }
    reported = reported.filter { !$0.key.contains(uid) && (which != .current || $0.key.contains("/")) }
    services.health.watch(uid, [], through: nil)
  }
}

extension PodAction {
  /// The field-level changes, or the reason where there are none.
  fileprivate var changeText: String { changes.isEmpty ? reason : changes.map(\.description).joined(separator: ", ") }
}
