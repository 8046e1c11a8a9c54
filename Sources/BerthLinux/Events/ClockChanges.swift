import CBerthSys
import Glibc

/// Somebody set the wall clock, or the machine slept. Source: timerfd_create(2) "TFD_TIMER_CANCEL_ON_SET".
public struct ClockChanges: ~Copyable {
  private let fd: FD

  public init() throws(Errno) { fd = FD(owning: try call { timerfd_create(CLOCK_REALTIME, Int32(TFD_CLOEXEC)) }) }

  /// Returns after the next change from the moment of the call on. Blocks its thread.
  public func wait() throws(Errno) {
    var setting = itimerspec()
    // Never due.
    setting.it_value.tv_sec = .max / 4_000_000_000
    let number = fd.raw
    let flags = Int32(TFD_TIMER_ABSTIME) | Int32(TFD_TIMER_CANCEL_ON_SET)
    // A change since the last one cancels this, too: it is told by the read.
    do throws(Errno) { try call { timerfd_settime(number, flags, &setting, nil) } } catch { if error.code != ECANCELED { throw error } }
    do throws(Errno) { _ = try fd.read(upTo: 8) } catch { if error.code != ECANCELED { throw error } }
  }
}
