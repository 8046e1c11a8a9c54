import CBerthSys
import Glibc

/// timerfd_create(2) on the boot-time clock, which goes on while the machine sleeps and which nobody can set.
public struct TimerFD: ~Copyable, Sendable {
  public let fd: FD

  public init() throws(Errno) {
    fd = FD(owning: try call { timerfd_create(CLOCK_BOOTTIME, Int32(TFD_CLOEXEC | TFD_NONBLOCK)) })
  }

  /// Fires once at `deadline`, at once if that is over; nil disarms.
  public borrowing func arm(_ deadline: BootTime?) throws(Errno) {
    let number = fd.raw
    // All zero would disarm.
    let nanoseconds = deadline.map { max($0.nanoseconds, 1) } ?? 0
    var setting = itimerspec()
    setting.it_value = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    try call { timerfd_settime(number, Int32(TFD_TIMER_ABSTIME), &setting, nil) }
  }

  /// Takes note of an expiry, so that the descriptor isn't ready any more.
  public borrowing func clear() {
    let number = fd.raw
    var count: UInt64 = 0
    _ = Glibc.read(number, &count, 8)
  }
}

/// signalfd(2) for SIGCHLD.
public struct ChildSignals: ~Copyable, Sendable {
  public let fd: FD

  /// Blocks every signal of the calling thread that can be blocked: from now on SIGTERM, SIGHUP, SIGINT and SIGPIPE mean nothing to a
  /// process with a single thread. The children it makes must set their own mask.
  public init() throws(Errno) { fd = FD(owning: try call { berth_block_signals_but_children() }) }

  /// Takes note of the signals so far.
  public borrowing func clear() {
    let number = fd.raw
    withUnsafeTemporaryAllocation(byteCount: MemoryLayout<signalfd_siginfo>.size * 4, alignment: 8) {
      while Glibc.read(number, $0.baseAddress, $0.count) > 0 {}
    }
  }
}
