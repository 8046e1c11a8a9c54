import BerthCore
import BerthLinux

/// Waiting for the status store to show something.
public enum Waiting {
  /// Whether `condition` came true within `timeout` (nil: for ever).
  public static func until(_ statuses: StatusStore, timeout: Duration?, _ condition: @Sendable () -> Bool) async -> Bool {
    let deadline = timeout.map { ContinuousClock.now + $0 }
    let alarm = timeout.map { timeout in
      Timers.shared.wake(at: BootTime.now.after(nanoseconds: timeout.nanoseconds)) { statuses.wakeAll() }
    }
    defer { alarm?.cancel() }
    while true {
      let version = statuses.version
      if condition() { return true }
      if let deadline, ContinuousClock.now >= deadline { return false }
      await statuses.changed(since: version)
    }
  }
}
