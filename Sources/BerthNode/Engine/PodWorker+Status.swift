import BerthCore
import BerthManifest
import BerthPlan
import BerthPods

extension PodWorker {
  func publish(
    _ sight: Sighting, _ desired: DesiredPod?, _ plan: PodPlan, _ images: [String: ImageState], _ unmet: [String], _ now: Instant
  ) {
    for observation in sight.all { reportExits(observation) }
    if let problem = entry?.problem {
      report("ManifestInvalid", problem.message, severity: .warning, diagnostics: problem.diagnostics)
    } else {
      reported["ManifestInvalid"] = nil
    }
    if let missed = turn?.missed {
      report(
        "MissedSchedule", "the run of \(Timestamp(nanoseconds: missed * 1_000_000_000)) is later than starting_deadline", severity: .warning
      )
    }
    var input = StatusInput(
      key: key, entry: entry, observation: sight.current, plan: plan, images: images, unmet: unmet,
      imageFailures: services.images.failures(of: key, hash: entry?.desired?.hash),
      failure: failures.first.map { ($0.verb, $0.entry.error, $0.entry.retryAt) }, now: now,
      hold: rollout.reason(against: entry?.desired), wallNow: services.clock.wallNow)
    input.past = sight.current?.past ?? (desired?.past.isEmpty == false ? past?.containers ?? [:] : [:])
    input.earlierRuns = sight.leaving.values.count { $0.actual.isEarlierRun && !$0.actual.isBeingRemoved }
    input.isNothingDue = turn.map { $0.due == nil } ?? false
    let status = StatusBuilder.status(input, previous: published)
    if status != published { services.statuses.publish(status, for: key) }
    published = status
    if let first = entry?.warnings.first, status.phase == .pending {
      report("PortTaken", first.summary, severity: .warning, diagnostics: entry?.warnings ?? [])
    } else {
      reported["PortTaken"] = nil
    }
    let isGoing = sight.current?.actual.isBeingRemoved == true
    for dependent in services.dependencies.publish(status, isGoing: isGoing, for: key) { services.mark(dependent) }
  }

  /// Each exit once, however often it is seen.
  private func reportExits(_ observation: PodObservation) {
    let uid = observation.actual.uid
    for (name, container) in observation.actual.containers {
      guard case .exited(let exit) = container.state else { continue }
      // Told when it happened.
      if case .startFailed = exit.outcome { continue }
      report(
        "Exited/\(uid)/\(name)", "container \(name): \(exit.words) (attempt \(container.attempt))",
        severity: exit.succeeded ? .normal : .warning, container: name)
    }
  }

  private func report(
    _ slot: String, _ message: String, severity: NodeEvent.Severity, container: String? = nil, diagnostics: [Diagnostic] = []
  ) {
    guard reported[slot] != message else { return }
    reported[slot] = message
    services.events.record(
      String(slot.prefix { $0 != "/" }), message, pod: key, container: container, severity: severity, diagnostics: diagnostics)
  }
}
