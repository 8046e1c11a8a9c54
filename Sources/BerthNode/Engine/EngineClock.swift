import BerthCore
import BerthLinux
import BerthPlan

/// The engine's sense of time: the node's clocks, or a simulation's.
protocol EngineClock: Sendable {
  var now: Instant { get }
  var wallNow: Timestamp { get }
  /// Calls `body` once at `due`, unless it was cancelled before.
  func wake(at due: Instant, _ body: @escaping @Sendable () -> Void) -> any EngineAlarm
}

protocol EngineAlarm: Sendable {
  func cancel()
}

extension Task: EngineAlarm where Failure == Never, Success == Void {}

/// The kernel's clocks.
struct SystemClock: EngineClock {
  let pool: any TaskExecutor

  var now: Instant { Instant(nanoseconds: Clock.bootNanoseconds()) }
  var wallNow: Timestamp { Timestamp(nanoseconds: Clock.wallNanoseconds()) }

  func wake(at due: Instant, _ body: @escaping @Sendable () -> Void) -> any EngineAlarm {
    let pause = max(due - now, .milliseconds(1))
    return Task(executorPreference: pool) {
      guard (try? await Task.sleep(for: pause)) != nil else { return }
      body()
    }
  }
}
