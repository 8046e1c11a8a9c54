import BerthCore
import BerthLinux
import BerthManifest
import BerthPlan

/// The probes' thread: who is watched, what is due, and who is told what came of it.
final class HealthLoop {
  private struct Watched {
    var target: HealthTarget
    var handle: (any PodHandle)?
    var health: ContainerHealth
    /// What was last told of each probe, so that a failure that goes on is told once.
    var told: [HealthTask: String] = [:]
    /// Answers to questions of another one are dropped: they were asked for probes that have changed since.
    var generation: UInt64
  }

  private let monitor: HealthMonitor
  private var watched: [HealthTarget.ID: Watched] = [:]
  private var lastGeneration: UInt64 = 0

  init(_ monitor: HealthMonitor) { self.monitor = monitor }

  private var now: Instant { Instant(nanoseconds: Clock.bootNanoseconds()) }

  func run() {
    do throws(Errno) {
      let exchanges = try ProbeExchanges(wakeUp: monitor.wakeUp)
      while true {
        obey(exchanges)
        begin(exchanges)
        exchanges.expire(now)
        let due = [watched.values.compactMap(\.health.wakeAt).min(), exchanges.nextDeadline].compactMap { $0 }.min()
        try exchanges.wait(until: due)
      }
    } catch { preconditionFailure("probes: \(error)") }
  }

  private func obey(_ exchanges: ProbeExchanges) {
    let commands = monitor.shared.withLock { shared in
      defer { shared.commands = [] }
      return shared.commands
    }
    for command in commands {
      switch command {
      case .watch(let uid, let targets, let handle): watch(uid, targets, handle)
      case .run(let hook, let target, let handle, let timeout, let completion):
        start(hook.probe, hook.pause, target, handle, timeout: timeout, exchanges, completion)
      case .finished(let id, let generation, let task, let result): finish(id, generation, task, result)
      }
    }
  }

  private func watch(_ uid: String, _ targets: [HealthTarget], _ handle: (any PodHandle)?) {
    let kept = Set(targets.map(\.id))
    let gone = watched.values.filter { $0.target.id.uid == uid && !kept.contains($0.target.id) }.map(\.target.id)
    for id in gone { watched[id] = nil }
    monitor.shared.withLock { shared in for id in gone { shared.verdicts[id] = nil } }
    for target in targets {
      if let known = watched[target.id], known.health.spec == target.spec { continue }
      // Changed probes of a container that runs: what was found out so far stays true.
      let known = watched[target.id]?.health.verdict ?? target.known
      lastGeneration += 1
      watched[target.id] = Watched(
        target: target, handle: handle, health: ContainerHealth(of: target.spec, startedAt: target.startedAt, known: known),
        generation: lastGeneration)
      publish(target.id)
    }
  }

  private func begin(_ exchanges: ProbeExchanges) {
    let now = now
    for id in watched.keys {
      guard let due = watched[id]?.health.wakeAt, due <= now, let tasks = watched[id]?.health.takeDue(now), let item = watched[id]
      else { continue }
      for task in tasks {
        let probe: ProbeAction?
        var timeout: Duration
        var pause: Duration?
        switch task {
        case .postStart:
          (probe, pause, timeout) = (item.target.spec.postStart?.probe, item.target.spec.postStart?.pause, Self.hookTimeout)
        case .probe(let kind): (probe, timeout) = (item.target.spec[kind]?.action, item.target.spec[kind]?.timeout ?? .seconds(1))
        }
        if let pause { timeout = pause }
        let monitor = monitor
        start(probe, pause, item.target, item.handle, timeout: timeout, exchanges) {
          if case .probe = task { monitor.telemetry.probe.observe(.nanoseconds(Clock.bootNanoseconds() - now.nanoseconds)) }
          monitor.post(.finished(id, generation: item.generation, task, $0))
        }
      }
    }
  }

  /// Kubernetes has no limit for post_start; one that never ends holds its container back, which status shows.
  private static let hookTimeout: Duration = .seconds(365 * 86400)

  private func start(
    _ probe: ProbeAction?, _ pause: Duration?, _ target: HealthTarget, _ handle: (any PodHandle)?, timeout: Duration,
    _ exchanges: ProbeExchanges, _ completion: @escaping @Sendable (ProbeResult) -> Void
  ) {
    switch probe {
    case .exec(let command)?:
      guard let handle else { return completion(ProbeResult(false, "the container is gone")) }
      Task(executorPreference: monitor.pool) {
        completion(await handle.execute(command, in: target.id.container, attempt: target.id.attempt, timeout: timeout))
      }
    case let probe?:
      exchanges.connect(ProbeExchange(probe, networkOf: target.networkOf, deadline: now + timeout, completion: completion))
    case nil: exchanges.keep(ProbeExchange(pauseUntil: now + min(pause ?? .zero, timeout), completion: completion))
    }
  }

  private func finish(_ id: HealthTarget.ID, _ generation: UInt64, _ task: HealthTask, _ result: ProbeResult) {
    guard watched[id]?.generation == generation else { return }
    watched[id]?.health.finish(task, result, now)
    tell(id, task, result)
    publish(id)
  }

  private func tell(_ id: HealthTarget.ID, _ task: HealthTask, _ result: ProbeResult) {
    guard !result.isSuccess else {
      watched[id]?.told[task] = nil
      return
    }
    guard let item = watched[id], item.told[task] != result.message else { return }
    watched[id]?.told[task] = result.message
    let (reason, words) =
      switch task {
      case .postStart: ("FailedPostStartHook", "post_start failed")
      case .probe(let kind): ("Unhealthy", "\(kind.rawValue) probe failed")
      }
    monitor.events.record(
      reason, "container \(id.container): \(words): \(result.message)", pod: item.target.pod, container: id.container, severity: .warning)
  }

  /// The worker hears of what changes the pod, not of every message.
  private func publish(_ id: HealthTarget.ID) {
    guard let item = watched[id] else { return }
    let verdict = item.health.verdict
    let isNew = monitor.shared.withLock { shared in
      defer { shared.verdicts[id] = verdict }
      guard let before = shared.verdicts[id] else { return true }
      return before != verdict
    }
    if isNew { monitor.changed(item.target.pod) }
  }
}

extension LifecycleSpec {
  subscript(kind: ProbeKind) -> ProbeSpec? {
    switch kind {
    case .startup: startupProbe
    case .liveness: livenessProbe
    case .readiness: readinessProbe
    }
  }
}

extension HookSpec {
  /// What a probe would do; nil for a pause.
  var probe: ProbeAction? {
    switch self {
    case .exec(let command): .exec(command: command)
    case .httpGet(let get): .httpGet(get)
    case .sleep: nil
    }
  }
  var pause: Duration? { if case .sleep(let duration) = self { duration } else { nil } }
}
