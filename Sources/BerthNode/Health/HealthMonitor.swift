import BerthCore
import BerthLinux
import BerthManifest
import BerthPlan
import Synchronization

/// Asks every watched container of the node, on one thread (`HealthLoop`) with one epoll set (`ProbeExchanges`): no process and no thread
/// per probe. What the answers mean is `ContainerHealth`'s affair; a pod's worker hears of it only when its verdict changes.
final class HealthMonitor: HealthService {
  enum Command: Sendable {
    case watch(String, [HealthTarget], (any PodHandle)?)
    case run(HookSpec, HealthTarget, any PodHandle, Duration, @Sendable (ProbeResult) -> Void)
    case finished(HealthTarget.ID, generation: UInt64, HealthTask, ProbeResult)
  }

  struct Shared {
    var commands: [Command] = []
    var verdicts: [HealthTarget.ID: HealthVerdict] = [:]
    var isStarted = false
  }

  let shared = Mutex(Shared())
  let events: EventLog
  let pool: ThreadPool
  let telemetry: Telemetry
  let changed: @Sendable (PodKey) -> Void
  let wakeUp: WakeUp

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

  func post(_ command: Command) {
    let isFirst = shared.withLock { shared in
      shared.commands.append(command)
      defer { shared.isStarted = true }
      return !shared.isStarted
    }
    if isFirst { Threads.start("probes") { [self] in HealthLoop(self).run() } }
    wakeUp.wake()
  }
}
