import BerthCore
import BerthLinux
import BerthManifest
import BerthPlan
import Synchronization

/// Asks every watched container of the node, on one thread with one epoll loop: no process and no thread per probe. What the answers mean
/// is `ContainerHealth`'s affair; a pod's worker hears of it only when its verdict changes.
final class HealthMonitor: HealthService {
  private enum Command: Sendable {
    case watch(String, [HealthTarget], (any PodHandle)?)
    case run(HookSpec, HealthTarget, any PodHandle, Duration, @Sendable (ProbeResult) -> Void)
    case finished(HealthTarget.ID, generation: UInt64, HealthTask, ProbeResult)
  }

  private struct Shared {
    var commands: [Command] = []
    var verdicts: [HealthTarget.ID: HealthVerdict] = [:]
    var isStarted = false
  }

  private let shared = Mutex(Shared())
  private let events: EventLog
  private let pool: ThreadPool
  private let telemetry: Telemetry
  private let changed: @Sendable (PodKey) -> Void
  private let wakeUp: WakeUp

  /// The thread starts with the first container to be watched. `changed` is called on it and must not block.
  init(events: EventLog, pool: ThreadPool, telemetry: Telemetry = Telemetry(), changed: @escaping @Sendable (PodKey) -> Void)
    throws(BerthError)
  {
    self.events = events
    self.pool = pool
    self.telemetry = telemetry
    self.changed = changed
    do throws(Errno) { wakeUp = try WakeUp() } catch { throw BerthError(.resourceExhausted, "watch containers", cause: "\(error)") }
  }

  func watch(_ uid: String, _ targets: [HealthTarget], through handle: (any PodHandle)?) {
    shared.withLock { shared in
      for target in targets where shared.verdicts[target.id] == nil {
        shared.verdicts[target.id] = ContainerHealth(of: target.spec, startedAt: target.startedAt, known: target.known).verdict
      }
    }
    post(.watch(uid, targets, handle))
  }

  func verdict(of target: HealthTarget.ID) -> HealthVerdict? { shared.withLock { $0.verdicts[target] } }

  func run(_ hook: HookSpec, in target: HealthTarget, through handle: any PodHandle, timeout: Duration) async -> ProbeResult {
    await withCheckedContinuation { continuation in post(.run(hook, target, handle, timeout) { continuation.resume(returning: $0) }) }
  }

  private func post(_ command: Command) {
    let isFirst = shared.withLock { shared in
      shared.commands.append(command)
      defer { shared.isStarted = true }
      return !shared.isStarted
    }
    if isFirst { Threads.start("probes") { [self] in Loop(self).run() } }
    wakeUp.wake()
  }

  // MARK: the thread

  private struct Watched {
    var target: HealthTarget
    var handle: (any PodHandle)?
    var health: ContainerHealth
    /// What was last told of each probe, so that a failure that goes on is told once.
    var told: [HealthTask: String] = [:]
    /// Answers to questions of another one are dropped: they were asked for probes that have changed since.
    var generation: UInt64
  }

  private final class Loop {
    private static let wakeToken: UInt64 = 0
    private let monitor: HealthMonitor
    private var watched: [HealthTarget.ID: Watched] = [:]
    private var exchanges: [UInt64: ProbeExchange] = [:]
    private var lastToken = wakeToken

    init(_ monitor: HealthMonitor) { self.monitor = monitor }

    private var now: Instant { Instant(nanoseconds: Clock.bootNanoseconds()) }

    func run() {
      do throws(Errno) {
        let epoll = try Epoll()
        let hopper = try NetworkNamespaceHopper()
        try epoll.add(monitor.wakeUp.descriptor, .input, token: Self.wakeToken)
        while true {
          obey(epoll, hopper)
          begin(epoll, hopper)
          expire(epoll)
          var ready: [Epoll.Ready] = []
          try epoll.wait(milliseconds: timeout) { ready.append($0) }
          for item in ready {
            if item.token == Self.wakeToken { monitor.wakeUp.clear() } else { advance(item.token, epoll, hopper) }
          }
        }
      } catch { preconditionFailure("probes: \(error)") }
    }

    private var timeout: Int32 {
      let due = [watched.values.compactMap(\.health.wakeAt).min(), exchanges.values.map(\.deadline).min()].compactMap { $0 }.min()
      return due.map { BootTime(nanoseconds: $0.nanoseconds).millisecondsFromNow } ?? -1
    }

    private func obey(_ epoll: borrowing Epoll, _ hopper: borrowing NetworkNamespaceHopper) {
      let commands = monitor.shared.withLock { shared in
        defer { shared.commands = [] }
        return shared.commands
      }
      for command in commands {
        switch command {
        case .watch(let uid, let targets, let handle): watch(uid, targets, handle)
        case .run(let hook, let target, let handle, let timeout, let completion):
          start(hook.probe, hook.pause, target, handle, timeout: timeout, epoll, hopper, completion)
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
        lastToken += 1
        watched[target.id] = Watched(
          target: target, handle: handle, health: ContainerHealth(of: target.spec, startedAt: target.startedAt, known: known),
          generation: lastToken)
        publish(target.id)
      }
    }

    private func begin(_ epoll: borrowing Epoll, _ hopper: borrowing NetworkNamespaceHopper) {
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
          start(probe, pause, item.target, item.handle, timeout: timeout, epoll, hopper) {
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
      _ epoll: borrowing Epoll, _ hopper: borrowing NetworkNamespaceHopper, _ completion: @escaping @Sendable (ProbeResult) -> Void
    ) {
      if case .exec(let command)? = probe {
        guard let handle else { return completion(ProbeResult(false, "the container is gone")) }
        Task(executorPreference: monitor.pool) {
          completion(await handle.execute(command, in: target.id.container, attempt: target.id.attempt, timeout: timeout))
        }
        return
      }
      let exchange: ProbeExchange
      if let probe {
        exchange = ProbeExchange(probe, networkOf: target.networkOf, deadline: now + timeout, completion: completion)
        if case .done(let result) = exchange.connect(hopper) { return exchange.finish(result) }
      } else {
        exchange = ProbeExchange(pauseUntil: now + (pause ?? .zero), completion: completion)
      }
      lastToken += 1
      exchanges[lastToken] = exchange
      if let descriptor = exchange.descriptor { try? epoll.add(descriptor, exchange.interest, token: lastToken) }
    }

    private func advance(_ token: UInt64, _ epoll: borrowing Epoll, _ hopper: borrowing NetworkNamespaceHopper) {
      guard let exchange = exchanges[token], let before = exchange.descriptor else { return }
      switch exchange.advance(hopper) {
      case .done(let result):
        epoll.remove(before)
        exchanges[token] = nil
        exchange.finish(result)
      case .waiting:
        guard let descriptor = exchange.descriptor else { return }
        // Another connection may have got the same number: its socket is a new one to epoll.
        if (try? epoll.modify(descriptor, exchange.interest, token: token)) == nil {
          try? epoll.add(descriptor, exchange.interest, token: token)
        }
      }
    }

    private func expire(_ epoll: borrowing Epoll) {
      let now = now
      for (token, exchange) in exchanges where exchange.deadline <= now {
        if let descriptor = exchange.descriptor { epoll.remove(descriptor) }
        exchanges[token] = nil
        exchange.finish(exchange.atDeadline)
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
