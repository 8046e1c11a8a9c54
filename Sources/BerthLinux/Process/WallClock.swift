import Glibc

/// Wall time: for display, for ages of files and for certificates. Never for timers.
public enum WallClock {
  /// Since 1970-01-01 00:00 UTC.
  public static var seconds: Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec)
  }
}
