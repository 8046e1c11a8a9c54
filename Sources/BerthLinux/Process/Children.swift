import CBerthSys
import Glibc

/// This process's children: how they are made by fork(2), ended and reaped. What is made by other means is in `Spawn`.
public enum Children {
  /// 0 in the child, its pid in the parent. The child must end by `leave`. For programs with one thread.
  public static func fork() throws(Errno) -> pid_t { try call { berth_fork() } }

  /// Ends this process at once: nothing of what the parent's copy would do at its end is done.
  public static func leave(_ code: Int32) -> Never { _exit(code) }

  /// SIGKILL to a child that hasn't been reaped, so that its number is still its own; one that has ended is fine.
  public static func kill(_ pid: pid_t) { send(SIGKILL, to: pid) }

  /// As `kill`, with another signal.
  public static func send(_ signal: Int32, to pid: pid_t) { if pid > 0 { _ = Glibc.kill(pid, signal) } }

  /// Waits for the end of a child and reaps it. ECHILD: it isn't a child (any more).
  @discardableResult
  public static func wait(for pid: pid_t) throws(Errno) -> ExitStatus {
    var status: Int32 = 0
    try call { waitpid(pid, &status, 0) }
    return ExitStatus(waitStatus: status)
  }

  /// Reaps a child if it has ended, and doesn't wait: nil while it lives. ECHILD: it isn't a child (any more).
  public static func reapIfEnded(_ pid: pid_t) throws(Errno) -> ExitStatus? {
    var status: Int32 = 0
    return try call { waitpid(pid, &status, WNOHANG) } == pid ? ExitStatus(waitStatus: status) : nil
  }

  /// As above, for the child behind a pidfd.
  public static func reapIfEnded(_ pidfd: borrowing FD) throws(Errno) -> ExitStatus? {
    var status: Int32 = 0
    let number = pidfd.raw
    return try call { berth_reap_pidfd(number, &status) } == 0 ? nil : ExitStatus(waitStatus: status)
  }

  /// Reaps one child that has ended, whichever it is; nil if none has.
  public static func reapAny() -> (pid: pid_t, status: ExitStatus)? {
    var code: Int32 = 0
    var signaled: Int32 = 0
    let pid = berth_reap_any(&code, &signaled)
    return pid > 0 ? (pid, signaled != 0 ? .signaled(code) : .exited(code)) : nil
  }
}
