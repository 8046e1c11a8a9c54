import BerthCore
import BerthLinux
import Glibc

/// How a child of the test ended.
public enum Ending: Sendable, Equatable {
  case exited(Int32)
  case signalled(Int32)
  /// It ran past the deadline and was killed.
  case late

  /// Waits for a child and reaps it; kills it at the deadline.
  public static func await(_ pid: pid_t, deadline: Duration) -> Ending {
    guard let ending = poll(pid, deadline: deadline) else {
      kill(pid, SIGKILL)
      _ = reap(pid, flags: 0)
      return .late
    }
    return ending
  }

  /// Waits for a child and reaps it; nil if it still runs at the deadline.
  public static func poll(_ pid: pid_t, deadline: Duration) -> Ending? {
    let clock = ContinuousClock()
    let end = clock.now + deadline
    var pause: UInt32 = 200
    while true {
      if let ending = reap(pid, flags: WNOHANG) { return ending }
      guard clock.now < end else { return nil }
      usleep(pause)
      pause = min(pause &* 2, 10_000)
    }
  }

  private static func reap(_ pid: pid_t, flags: Int32) -> Ending? {
    var status: Int32 = 0
    guard waitpid(pid, &status, flags) == pid else { return nil }
    let signal = status & 0x7f
    return signal == 0 ? .exited((status >> 8) & 0xff) : .signalled(signal)
  }
}
