import BerthCore
import BerthLinux
import Synchronization

/// Once all workers have been at rest for a while, gives the memory back that their work took.
final class RestKeeper: Sendable {
  private let busy: BusyCount
  private let pool: any TaskExecutor
  /// Whether a look is to come: a storm of small work needs one, not many.
  private let isDue = Atomic(false)

  static let delay: Duration = .seconds(5)

  init(busy: BusyCount, pool: any TaskExecutor) {
    self.busy = busy
    self.pool = pool
  }

  /// The last worker has come to rest.
  func atRest() {
    guard !isDue.exchange(true, ordering: .sequentiallyConsistent) else { return }
    Timers.shared.wake(at: BootTime.now.after(nanoseconds: Self.delay.nanoseconds)) { [self] in
      isDue.store(false, ordering: .sequentiallyConsistent)
      // Otherwise it is told again.
      if busy.isZero { Task(executorPreference: pool) { ProcessMemory.giveBack() } }
    }
  }
}
