import BerthCore

/// A point on CLOCK_BOOTTIME: what deadlines are made of.
public struct BootTime: Sendable, Hashable, Comparable {
  /// Since the machine booted, suspended time included.
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static var now: BootTime { BootTime(nanoseconds: Clock.bootNanoseconds()) }

  public static func < (a: BootTime, b: BootTime) -> Bool { a.nanoseconds < b.nanoseconds }

  /// Saturates at the end of time. `delay` is not negative.
  public func after(nanoseconds delay: Int64) -> BootTime {
    let (sum, overflow) = nanoseconds.addingReportingOverflow(delay)
    return BootTime(nanoseconds: overflow ? .max : sum)
  }

  /// From now on, rounded up so that a wait of this long reaches the deadline; 0 once it is over.
  public var millisecondsFromNow: Int32 {
    let left = nanoseconds - Self.now.nanoseconds
    return left <= 0 ? 0 : Int32(clamping: (left - 1) / 1_000_000 + 1)
  }
}

extension Timestamp {
  public static var now: Timestamp { Timestamp(nanoseconds: Clock.wallNanoseconds()) }
}
