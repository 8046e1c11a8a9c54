import BerthCore
import BerthLinux
import BerthManifest
import BerthPlan
import BerthRuntime

extension Pod {
  /// What is there, asked of the shim; of the records and the kernel where the shim is dead.
  public func observe() async -> PodObservation {
    var observation = PodObservation(
      actual: ActualPod(uid: uid, hash: record.hash, spec: record.spec, sandbox: .ready), generation: record.generation,
      source: record.source, images: record.images)
    observation.actual.isBeingRemoved = record.isBeingRemoved
    observation.actual.createdAt = record.createdAtBoot.map { Instant(nanoseconds: $0) }
    observation.actual.failure = record.failure
    observation.actual.scheduledFor = record.scheduledFor
    observation.actual.isEarlierRun = record.isEarlierRun
    observation.createdAt = Timestamp(nanoseconds: record.createdAt)
    observation.past = record.past
    observation.actual.past = record.past.mapValues(\.planned)
    if record.isReleased {
      observeReleased(&observation)
      return observation
    }
    observation.addresses = context.networks.addresses(of: uid).map { "\($0)" }
    await reconnect()
    if case .connected(let connection) = link, let state = try? await connection.readState(deadline: deadline(Self.answerTime)) {
      updateGuards(state)
      await holdTerminals(state)
      for container in state.containers { add(container, to: &observation) }
    } else {
      var kept: ShimState?
      if case .kept(let keeper) = link { kept = try? await keeper.readState(deadline: deadline(Self.answerTime)) }
      if let kept { await holdTerminals(kept) }
      observeWithoutShim(kept, &observation)
    }
    addStartFailures(to: &observation)
    addPast(to: &observation)
    return observation
  }

  private func add(_ container: ShimContainer, to observation: inout PodObservation) {
    switch container.phase {
    case .launching:
      add(container.name, container.attempt, .running(since: Instant(nanoseconds: Clock.bootNanoseconds())), nil, nil, to: &observation)
    case .running(let process):
      let since = Self.boot(of: process.startedAt)
      add(container.name, container.attempt, container.isStopping ? .stopping : .running(since: since), process, nil, to: &observation)
    case .exited(let exit): add(container.name, container.attempt, .exited(planned(exit, of: container.name)), nil, exit, to: &observation)
    }
  }

  private func add(
    _ name: String, _ attempt: UInt32, _ state: ContainerState, _ process: InitRecord?, _ exit: ExitRecord?,
    to observation: inout PodObservation
  ) {
    let known = record.containers[name].flatMap { $0.attempt == attempt ? $0 : nil }
    observation.actual.containers[name] = ActualContainer(
      attempt: attempt, state: state, backoffStep: known?.backoffStep ?? 0, stopReason: known?.stopReason)
    observation.containers[name] = details(name, attempt, process, exit)
  }

  private func details(_ name: String, _ attempt: UInt32, _ process: InitRecord?, _ exit: ExitRecord?) -> ContainerDetails {
    var details = ContainerDetails(
      id: "\(uid)/\(name)/\(attempt)", pid: process?.process.pid, startedAt: process?.startedAt ?? exit?.startedAt,
      finishedAt: exit?.finishedAt, logPath: paths.logFile(key, name, attempt: attempt))
    if let known = record.containers[name], known.attempt == attempt {
      details.known = HealthVerdict(isStarted: known.isStarted, isReady: known.isReady)
      details.last = known.last
    }
    return details
  }

  /// `kept`: what its keeper says. A container whose process has gone has ended only once its output and its end are on disk.
  private func observeWithoutShim(_ kept: ShimState?, _ observation: inout PodObservation) {
    guard let facts = try? PodFacts.read(paths.state) else {
      observation.actual.sandbox = .lost(processesLeft: false)
      return
    }
    if !facts.isShimAlive { endHalfStarted(facts) }
    for (name, container) in facts.containers {
      if container.exit != nil { (guards[name], terminals[name]) = (nil, nil) }
      if let known = kept?[name] {
        if case .running(let process) = known.phase {
          let isStopping = known.isStopping || stoppedWithoutShim.contains(name)
          let live: ContainerState = isStopping ? .stopping : .running(since: Self.boot(of: process.startedAt))
          add(name, process.attempt, live, process, nil, to: &observation)
        } else {
          add(known, to: &observation)
        }
        continue
      }
      // One that is only slow may be starting it anew.
      if !container.isInitAlive, !facts.isShimAlive { killLeftovers(of: name) }
      if let exit = container.exit {
        add(name, exit.attempt, .exited(planned(exit, of: name)), nil, exit, to: &observation)
      } else if let process = container.initRecord {
        let since = Self.boot(of: process.startedAt)
        let gone = ContainerExit(outcome: .unknown, at: Instant(nanoseconds: Clock.bootNanoseconds()), ran: .zero)
        let live: ContainerState = stoppedWithoutShim.contains(name) ? .stopping : .running(since: since)
        add(name, process.attempt, container.isInitAlive ? live : .exited(gone), process, nil, to: &observation)
      }
    }
    // Who keeps the containers' shared PID namespace is nobody that is waited for: it ends with the pod.
    let keepers = (try? context.cgroup(context.containerCgroup(uid, SharedProcesses.name)).processes()) ?? []
    let processes = ((try? context.cgroup(context.podCgroup(uid)).processes()) ?? []).filter { !keepers.contains($0) }
    // A shim that lives but doesn't answer may answer yet: as long as it is there, nothing is made in its place.
    let isKept = kept?.containers.contains { if case .running = $0.phase { true } else { false } } ?? false
    observation.actual.sandbox = .lost(processesLeft: !processes.isEmpty || facts.isShimAlive || isKept)
  }

  /// Where a container is not alone in its PID namespace, what it has started doesn't end with it: its shim would have seen to that.
  private func killLeftovers(of container: String) {
    guard record.spec.sharesProcesses || record.spec.hostPID,
      let cgroup = try? context.cgroup(context.containerCgroup(uid, container)), (try? cgroup.processes())?.isEmpty == false
    else { return }
    try? cgroup.killAll()
  }

  /// From the record alone.
  private func observeReleased(_ observation: inout PodObservation) {
    // One that isn't through with it is to be released again.
    observation.actual.sandbox = isSwept ? .released : .ready
    for (name, container) in record.containers {
      guard let exit = container.exit else { continue }
      add(name, exit.attempt, .exited(planned(exit, of: name)), nil, exit, to: &observation)
    }
    addStartFailures(to: &observation)
  }

  /// An attempt that never ran is known to the record alone.
  private func addStartFailures(to observation: inout PodObservation) {
    for (name, container) in record.containers {
      guard let failure = container.startFailure, let at = container.startFailedAt,
        observation.actual.containers[name].map({ $0.attempt <= container.attempt && !$0.state.isLive }) ?? true
      else { continue }
      let outcome = ContainerExit.Outcome.startFailed(StartFailure(container.startFailureKind ?? .create, failure))
      let exit = ContainerExit(outcome: outcome, at: Instant(nanoseconds: at), ran: .zero)
      observation.actual.containers[name] = ActualContainer(
        attempt: container.attempt, state: .exited(exit), backoffStep: container.backoffStep)
      observation.containers[name] = details(name, container.attempt, nil, nil)
    }
  }

  /// What had done its work before the node went down.
  private func addPast(to observation: inout PodObservation) {
    for (name, past) in record.past where record.spec.hasDone(name, past: observation.actual.past) {
      let end = past.termination
      let exit = ContainerExit(outcome: end.outcome, at: end.finishedAt.map(Self.boot(of:)) ?? Instant(nanoseconds: 0), ran: .zero)
      observation.actual.containers[name] = ActualContainer(attempt: past.attempt, state: .exited(exit))
      observation.actual.containers[name]?.isPast = true
      observation.containers[name] = ContainerDetails(
        id: "\(uid)/\(name)/\(past.attempt)", pid: nil, startedAt: end.startedAt, finishedAt: end.finishedAt,
        logPath: paths.logFile(key, name, attempt: past.attempt))
    }
  }

  /// The end's place on the boot clock is worked out once, when it is first seen: the wall clock may jump later.
  private func planned(_ exit: ExitRecord, of name: String) -> ContainerExit {
    var at = Self.boot(of: exit.finishedAt)
    if let known = exitTimes[name], known.attempt == exit.attempt { at = known.at } else { exitTimes[name] = (exit.attempt, at) }
    return ContainerExit(
      outcome: exit.exitCode.map { .code($0, signal: exit.signal, oomKilled: exit.oomKilled) } ?? .unknown, at: at,
      ran: .nanoseconds(max(0, exit.finishedAt.nanoseconds &- exit.startedAt.nanoseconds)))
  }

  /// A wall time of the recent past on the boot clock.
  private static func boot(of time: Timestamp) -> Instant {
    let age = max(0, Clock.wallNanoseconds() &- time.nanoseconds)
    return Instant(nanoseconds: Clock.bootNanoseconds() &- age)
  }
}
