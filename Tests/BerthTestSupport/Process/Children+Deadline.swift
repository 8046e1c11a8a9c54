import BerthLinux
import Glibc

/// Children of the test itself, for which no test waits for ever.
extension Children {
  /// Waits for a child and reaps it. nil: it ran past the deadline and was killed.
  @discardableResult
  public static func wait(for pid: pid_t, deadline: Duration) -> ExitStatus? {
    if let status = poll(pid, deadline: deadline) { return status }
    kill(pid)
    _ = try? wait(for: pid)
    return nil
  }

  /// Waits for a child and reaps it; nil: it still runs at the deadline.
  public static func poll(_ pid: pid_t, deadline: Duration) -> ExitStatus? {
    let clock = ContinuousClock()
    let end = clock.now + deadline
    var pause: UInt32 = 200
    while true {
      if let status = (try? reapIfEnded(pid)) ?? nil { return status }
      guard clock.now < end else { return nil }
      usleep(pause)
      pause = min(pause &* 2, 10_000)
    }
  }
}
