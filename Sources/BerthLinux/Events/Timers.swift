import BerthCore
import Synchronization

/// Alarms on the boot-time clock: one thread and one timer of the kernel for all of them, however many there are. The thread wakes up when
/// one is due, for nothing else.
public final class Timers: Sendable {
  public static let shared = Timers()

  private struct State: ~Copyable {
    var alarms = AlarmTable()
    /// What the kernel's timer is set to.
    var armed: BootTime?
    let timer: TimerFD
  }
  private let state: Mutex<State>

  private init() {
    do throws(Errno) { state = Mutex(State(timer: try TimerFD())) } catch {
      preconditionFailure("the kernel refuses a timer: \(error)")
    }
    let descriptor = state.withLock { $0.timer.fd.raw }
    Threads.start("timers") { [self] in
      while true {
        _ = try? Descriptors.waitReadable([descriptor], timeout: nil)
        for body in takeDue() { body() }
      }
    }
  }

  /// Calls `body`, which must not block, once at `due` on the timers' thread, unless it is called off before.
  @discardableResult public func wake(at due: BootTime, _ body: @escaping @Sendable () -> Void) -> Alarm {
    state.withLock { state in
      let number = state.alarms.add(due, body)
      Self.arm(&state)
      return Alarm(timers: self, number: number)
    }
  }

  public struct Alarm: Sendable {
    fileprivate let timers: Timers
    fileprivate let number: UInt64
    public func cancel() { timers.cancel(number) }
  }

  /// As `wake(at:)`, from now on. A task that is to pause has itself woken so: `Task.sleep` goes to libdispatch past the hooks that the
  /// daemon takes tasks over by (Swift 6.3), and starts its threads. No `async` function stands here: it would bring the concurrency runtime
  /// into the shim.
  @discardableResult public func wake(after delay: Duration, _ body: @escaping @Sendable () -> Void) -> Alarm {
    let (seconds, attoseconds) = delay.components
    // A century is enough for any pause.
    let nanoseconds = max(0, min(seconds, 3_000_000_000)) * 1_000_000_000 + max(0, attoseconds) / 1_000_000_000
    return wake(at: BootTime.now.after(nanoseconds: nanoseconds), body)
  }

  private func cancel(_ number: UInt64) {
    state.withLock { state in
      state.alarms.remove(number)
      Self.arm(&state)
    }
  }

  private func takeDue() -> [@Sendable () -> Void] {
    state.withLock { state in
      state.timer.clear()
      state.armed = nil
      defer { Self.arm(&state) }
      return state.alarms.takeDue(.now)
    }
  }

  private static func arm(_ state: inout State) {
    let earliest = state.alarms.earliest
    guard earliest != state.armed else { return }
    do throws(Errno) {
      try state.timer.arm(earliest)
      state.armed = earliest
    } catch { preconditionFailure("the kernel refuses to set a timer: \(error)") }
  }
}
