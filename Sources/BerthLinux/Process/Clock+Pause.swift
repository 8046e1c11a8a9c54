import BerthCore
import Glibc

extension Clock {
  /// Sleeps, for waits on which the kernel tells no event. A signal ends it early.
  public static func pause(_ duration: Duration) {
    let nanoseconds = max(0, duration.nanoseconds)
    var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    nanosleep(&time, nil)
  }
}
