import CBerthSys
import Glibc

/// The kernel's clocks.
public enum Clock {
  /// Nanoseconds since boot, suspend included: never jumps. For every timer and order.
  public static func bootNanoseconds() -> Int64 { read(CLOCK_BOOTTIME) }

  /// Nanoseconds since 1970, for display alone: it jumps when somebody sets the clock.
  public static func wallNanoseconds() -> Int64 { read(CLOCK_REALTIME) }

  /// As service managers ask for it. Source: sd_notify(3) "MONOTONIC_USEC".
  public static func monotonicMicroseconds() -> Int64 { monotonicNanoseconds() / 1000 }

  /// Nanoseconds since boot, suspend left out: what a thread that waits for a condition counts by.
  static func monotonicNanoseconds() -> Int64 { read(CLOCK_MONOTONIC) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }

  /// Whether something keeps the wall clock right. Source: adjtimex(2).
  public static var isSynchronized: Bool { berth_clock_is_synchronized() == 1 }

  /// Changes at every boot. Source: random(4).
  public static func bootID() throws(Errno) -> String {
    String((try Files.readText("/proc/sys/kernel/random/boot_id")).prefix { $0 != "\n" })
  }
}
