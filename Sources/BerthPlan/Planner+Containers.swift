import BerthCore
import BerthManifest

/// What to do for the containers of a pod whose spec is in force. `unmet`: why none may be started now.
func planContainers(of pod: ActualPod, unmet: [String] = [], now: Instant) -> PodPlan {
  var plan = PodPlan()
  if pod.sandbox == .released { return plan }
  if pod.isFinished || pod.failure != nil {
    planEnd(of: pod, now: now, into: &plan)
    return plan
  }
  if let deadline = pod.spec.activeDeadline, let createdAt = pod.createdAt {
    let due = createdAt + deadline
    if due <= now {
      let failure = PodFailure(
        reason: "DeadlineExceeded", message: "it ran longer than active_deadline = \"\(DurationText.format(deadline))\"")
      plan.actions.append(PodAction(.failPod(failure), because: failure.message))
      return plan
    }
    plan.wakeAt = due
  }
  planUnhealthy(pod, into: &plan)
  let started = pod.spec.containers.contains { pod.containers[$0.name]?.isPast == false }
  for container in pod.spec.initContainers {
    let actual = pod.containers[container.name]
    if container.isSidecar {
      planStart(of: container, in: pod, policy: .always, unmet: unmet, now: now, into: &plan)
      if started || actual?.isUp == true { continue }
      if actual?.state.isLive == true { plan.wait(for: "sidecar \(container.name) to be ready") }
      return plan
    }
    if started || actual?.succeeded == true { continue }
    planStart(of: container, in: pod, policy: pod.spec.initRestartPolicy, unmet: unmet, now: now, into: &plan)
    if actual?.state.isLive == true { plan.wait(for: "init container \(container.name) to finish") }
    return plan
  }
  for container in pod.spec.containers {
    planStart(of: container, in: pod, policy: pod.spec.restartPolicy, unmet: unmet, now: now, into: &plan)
  }
  return plan
}

/// What failed a probe or its `post_start` ends; what follows is its restart policy's affair.
private func planUnhealthy(_ pod: ActualPod, into plan: inout PodPlan) {
  for container in pod.spec.allContainers {
    guard let actual = pod.containers[container.name], case .running = actual.state, let failure = actual.health.failure else { continue }
    plan.actions.append(PodAction(.stopContainer(name: container.name, purpose: .restart), because: failure.words))
  }
}

/// What still runs of a pod that has finished or failed is stopped: containers first, then sidecars one after the other, the last first.
/// Then its time to live begins.
private func planEnd(of pod: ActualPod, now: Instant, into plan: inout PodPlan) {
  let live = pod.spec.allContainers.reversed().filter { pod.containers[$0.name]?.state.isLive == true }
  let others = live.filter { !$0.isSidecar }
  for container in others.isEmpty ? Array(live.prefix(1)) : others {
    guard case .running? = pod.containers[container.name]?.state else { continue }
    plan.actions.append(
      PodAction(
        .stopContainer(name: container.name, purpose: .completion), because: pod.failure?.message ?? "the containers have finished"))
  }
  if !live.isEmpty { return plan.wait(for: "containers to stop: \(live.map(\.name).joined(separator: ", "))") }
  guard let ttl = pod.spec.ttlAfterFinished else { return }
  let ends = pod.containers.values.compactMap { container in
    if case .exited(let exit) = container.state { exit.at } else { nil }
  }
  let due = (ends.max() ?? pod.createdAt ?? now) + ttl
  if due <= now {
    plan.actions.append(PodAction(.releasePod, because: "it finished ttl_after_finished = \"\(DurationText.format(ttl))\" ago"))
  } else {
    plan.wakeAt = earliest(plan.wakeAt, due)
  }
}

private func planStart(
  of spec: ContainerSpec, in pod: ActualPod, policy: RestartPolicy, unmet: [String], now: Instant, into plan: inout PodPlan
) {
  let action: PodAction
  if let container = pod.containers[spec.name] {
    guard case .exited(let exit) = container.state, container.restarts(policy) else { return }
    let due = exit.at + pod.spec.restartBackoff.delay(step: pod.spec.restartBackoff.step(of: container, after: exit))
    let words = container.stopReason ?? exit.words
    guard due <= now else {
      plan.wakeAt = earliest(plan.wakeAt, due)
      return plan.wait(for: "back-off of container \(spec.name) (\(words))")
    }
    action = PodAction(
      .startContainer(name: spec.name, attempt: container.attempt &+ 1), because: "\(words); restart_policy = \"\(policy.rawValue)\"")
  } else {
    action = PodAction(.startContainer(name: spec.name, attempt: pod.past.next(spec.name)), because: "it was not started yet")
  }
  if let first = unmet.first { return plan.wait(for: first) }
  plan.actions.append(action)
}

extension ActualPod {
  /// Whether none of its containers will ever run again.
  public var isFinished: Bool {
    let isStuck = spec.initContainers.contains { container in
      guard !container.isSidecar, let actual = containers[container.name] else { return false }
      return actual.hasEnded && !actual.succeeded && !actual.restarts(spec.initRestartPolicy)
    }
    if isStuck { return spec.containers.allSatisfy { containers[$0.name]?.state.isLive != true } }
    return spec.containers.allSatisfy { container in
      guard let actual = containers[container.name] else { return false }
      return actual.hasEnded && !actual.restarts(spec.restartPolicy)
    }
  }
}

extension ActualPod {
  /// Since when every container has been up and ready, sidecars included; nil while one isn't. A pod that has done its work is ready, too.
  public var readySince: Instant? {
    guard sandbox == .ready, !isBeingRemoved else { return nil }
    if isFinished { return spec.containers.allSatisfy { containers[$0.name]?.succeeded == true } ? Instant(nanoseconds: 0) : nil }
    var since = Instant(nanoseconds: 0)
    for container in spec.containers + spec.initContainers.filter(\.isSidecar) {
      guard let actual = containers[container.name], actual.isUp, case .running(let start) = actual.state else { return nil }
      since = max(since, start)
    }
    return since
  }
}

extension ActualContainer {
  /// Runs and is ready.
  var isUp: Bool { if case .running = state { health.isReady } else { false } }

  public var succeeded: Bool { if case .exited(let exit) = state { exit.succeeded && stopReason == nil } else { false } }

  public var hasEnded: Bool { if case .exited = state { true } else { false } }

  /// Whether it is started again after having ended so.
  public func restarts(_ policy: RestartPolicy) -> Bool {
    guard case .exited(let exit) = state else { return false }
    return stopReason == nil ? policy.restarts(after: exit) : policy != .never
  }
}
