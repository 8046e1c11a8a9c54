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

extension Timers.Alarm: EngineAlarm {}

/// The kernel's clocks.
struct SystemClock: EngineClock {
  var now: Instant { Instant(nanoseconds: Clock.bootNanoseconds()) }
  var wallNow: Timestamp { Timestamp(nanoseconds: Clock.wallNanoseconds()) }

  func wake(at due: Instant, _ body: @escaping @Sendable () -> Void) -> any EngineAlarm {
    Timers.shared.wake(at: BootTime(nanoseconds: due.nanoseconds), body)
  }
}
