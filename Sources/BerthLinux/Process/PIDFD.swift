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

/// What /proc/PID/stat tells.
public enum ProcessStat {
  /// When the process was started, in clock ticks after boot: field 22. Source: proc_pid_stat(5).
  public static func startTimeTicks(_ pid: pid_t) throws(Errno) -> UInt64 {
    let text = try Files.readText("/proc/\(pid)/stat", limit: 1 << 16)
    // The name, the second field, is in brackets and may hold anything, brackets too.
    guard let end = text.lastIndex(of: ")") else { throw .invalid }
    let fields = text[end...].split(separator: " ")
    guard fields.count > 20, let ticks = UInt64(fields[20]) else { throw .invalid }
    return ticks
  }
}
