import BerthCore
import BerthManifest
import BerthPlan
import BerthPods

extension PodWorker {
  /// What is there: the pod's facts, with what its probes say and which stops are under way.
  func look() async -> Sighting {
    var sight = Sighting()
    if let current = instances.current { sight.current = await look(at: current.handle) }
    if let successor = instances.successor { sight.successor = await look(at: successor.handle) }
    for (uid, instance) in instances.leaving { sight.leaving[uid] = await look(at: instance.handle) }
    return sight
  }

  private func look(at pod: any PodHandle) async -> PodObservation {
    var observation = await pod.observe()
    for (name, attempt) in instances[uid: pod.uid]?.stopping ?? [:] {
      guard let actual = observation.actual.containers[name], actual.attempt == attempt, case .running = actual.state else { continue }
      observation.actual.containers[name]?.state = .stopping
    }
    await takeHealth(pod, &observation)
    return observation
  }

  private func takeHealth(_ pod: any PodHandle, _ observation: inout PodObservation) async {
    let watched = observation.actual.spec.allContainers.filter(\.lifecycle.isWatched)
    guard !watched.isEmpty else { return }
    let targets = watched.compactMap { target(of: $0, observation) }
    services.health.watch(pod.uid, targets, through: pod)
    for container in watched { observation.actual.containers[container.name]?.health = .unknown }
    for target in targets {
      let verdict = services.health.verdict(of: target.id) ?? .unknown
      observation.actual.containers[target.id.container]?.health = verdict
      let known = target.known ?? .unknown
      if (known.isStarted, known.isReady) != (verdict.isStarted, verdict.isReady) {
        // For later daemons; one that doesn't know asks again.
        try? await pod.note(target.id.container, attempt: target.id.attempt, verdict)
      }
    }
  }

  /// nil of a container that doesn't run.
  func target(of container: ContainerSpec, _ observation: PodObservation) -> HealthTarget? {
    guard let actual = observation.actual.containers[container.name], case .running(let since) = actual.state else { return nil }
    let details = observation.containers[container.name]
    return HealthTarget(
      pod: key, id: HealthTarget.ID(uid: observation.actual.uid, container: container.name, attempt: actual.attempt),
      spec: container.lifecycle, networkOf: observation.actual.spec.network == .host ? nil : details?.pid, startedAt: since,
      known: details?.known)
  }

  // MARK: stopping

  /// `pre_stop` first, then the stop signal with what is left of the grace period.
  func stop(
    _ name: String, _ purpose: StopPurpose, because reason: String, in pod: any PodHandle, _ observation: PodObservation?
  ) async throws(BerthError) {
    guard let observation, let spec = observation.actual.spec.allContainers.first(where: { $0.name == name }) else { return }
    try await pod.beginStop(name, purpose, because: reason)
    let began = services.clock.now
    let grace = grace(of: spec, purpose, observation, began)
    guard let hook = spec.lifecycle.preStop, observation.actual.sandbox == .ready, let target = target(of: spec, observation) else {
      return try await pod.stop(name, grace: grace)
    }
    instances[uid: pod.uid]?.stopping[name] = target.id.attempt
    Task(executorPreference: services.pool) {
      let result = await self.services.health.run(hook, in: target, through: pod, timeout: grace)
      await self.finishStop(target.id, pod, result, grace: grace, began: began)
    }
  }

  /// Kubernetes gives a container whose hook took all of its grace period this much more.
  private static let leastGrace: Duration = .seconds(2)

  private func grace(of spec: ContainerSpec, _ purpose: StopPurpose, _ observation: PodObservation, _ now: Instant) -> Duration {
    let whole = observation.actual.spec.terminationGracePeriod
    guard purpose == .removal else { return whole }
    let uid = observation.actual.uid
    let began = instances[uid: uid]?.removalBegan ?? now
    instances[uid: uid]?.removalBegan = began
    // A sidecar's turn comes after the containers': it has what they left of the pod's time.
    return spec.isSidecar ? max(whole - (now - began), min(whole, Self.leastGrace)) : whole
  }

  private func finishStop(
    _ id: HealthTarget.ID, _ pod: any PodHandle, _ result: ProbeResult, grace: Duration, began: Instant
  ) async {
    if !result.isSuccess {
      services.events.record(
        "FailedPreStopHook", "container \(id.container): pre_stop failed: \(result.message)", pod: key, container: id.container,
        severity: .warning)
    }
    let left = max(grace - (services.clock.now - began), min(grace, Self.leastGrace))
    do throws(BerthError) { try await pod.stop(id.container, grace: left) } catch {
      services.events.record("Failed", "\(error)", pod: key, container: id.container, severity: .warning)
    }
    if instances[uid: id.uid]?.stopping[id.container] == id.attempt { instances[uid: id.uid]?.stopping[id.container] = nil }
    mark()
  }
}
