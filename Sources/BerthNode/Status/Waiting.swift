import BerthCore
import BerthLinux

/// Waiting for the status store to show something.
public enum Waiting {
  /// Whether `condition` came true within `timeout` (nil: for ever). `atRest`: it can do so only when all workers have come to rest, so that
  /// not every status that is published before is a reason to look.
  public static func until(
    _ statuses: StatusStore, atRest: Bool = false, timeout: Duration?, _ condition: @Sendable () -> Bool
  ) async -> Bool {
    let deadline = timeout.map { ContinuousClock.now + $0 }
    let alarm = timeout.map { timeout in
      Timers.shared.wake(at: BootTime.now.after(nanoseconds: timeout.nanoseconds)) { statuses.wakeAll() }
    }
    defer { alarm?.cancel() }
    while true {
      let (version, wakes) = (statuses.version, statuses.wakes)
      if condition() { return true }
      if let deadline, ContinuousClock.now >= deadline { return false }
      if atRest { await statuses.woken(since: wakes) } else { await statuses.changed(since: version) }
    }
  }
}
