import CBerthSys
import Glibc

/// Processes made by fork(2), for programs with one thread.
public enum Children {
  /// 0 in the child, its pid in the parent. The child must end by `leave`.
  public static func fork() throws(Errno) -> pid_t { try call { berth_fork() } }

  /// Ends this process at once: nothing of what the parent's copy would do at its end is done.
  public static func leave(_ code: Int32) -> Never { _exit(code) }

  /// SIGKILL; a process that is gone is fine.
  public static func kill(_ pid: pid_t) { send(SIGKILL, to: pid) }

  /// A process that is gone is fine.
  public static func send(_ signal: Int32, to pid: pid_t) { if pid > 0 { _ = Glibc.kill(pid, signal) } }

  /// Waits for the end of a child and reaps it. nil: it isn't a child (any more).
  public static func reap(_ pid: pid_t) -> ExitStatus? {
    var status: Int32 = 0
    do throws(Errno) { try call { waitpid(pid, &status, 0) } } catch { return nil }
    return ExitStatus(waitStatus: status)
  }
}

/// How a process ended.
public enum ExitStatus: Sendable, Hashable {
  case exited(Int32)
  case signaled(Int32)

  /// From waitpid(2)'s status of a process that has ended.
  public init(waitStatus: Int32) {
    let signal = waitStatus & 0x7f
    self = signal == 0 ? .exited(waitStatus >> 8 & 0xff) : .signaled(signal)
  }

  /// As shells tell it: 128 and the signal's number for a process that died of one.
  public var code: Int32 {
    switch self {
    case .exited(let code): code
    case .signaled(let signal): 128 + signal
    }
  }
}
