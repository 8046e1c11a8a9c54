import CBerthSys
import Glibc

/// A process by descriptor: never a stranger that got the same number. Source: pidfd_open(2).
public enum PIDFD {
  public static func open(_ pid: pid_t) throws(Errno) -> FD { FD(owning: try call { berth_pidfd_open(pid) }) }

  /// Throws ESRCH once the process has ended and was reaped.
  public static func send(_ signal: Int32, to process: borrowing FD) throws(Errno) {
    let number = process.raw
    try call { berth_pidfd_signal(number, signal) }
  }
}
