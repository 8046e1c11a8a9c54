import Synchronization

/// How long something took, counted into buckets. Safe to use from any thread; a count is one short lock.
public final class Histogram: Sendable {
  /// Upper bounds in seconds, ascending; one bucket more is above them all.
  public let bounds: [Double]
  private let state: Mutex<Snapshot>

  public struct Snapshot: Sendable {
    /// By bucket, not cumulative; one more than there are bounds.
    public var counts: [UInt64]
    /// Seconds.
    public var sum: Double = 0
    public var total: UInt64 { counts.reduce(0, &+) }
  }

  /// From half a millisecond to half a minute unless told otherwise.
  public init(bounds: [Double] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]) {
    self.bounds = bounds
    state = Mutex(Snapshot(counts: Array(repeating: 0, count: bounds.count + 1)))
  }

  public func observe(_ duration: Duration) {
    let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    let bucket = bounds.firstIndex { seconds <= $0 } ?? bounds.count
    state.withLock { state in
      state.counts[bucket] &+= 1
      state.sum += seconds
    }
  }

  public var snapshot: Snapshot { state.withLock { $0 } }
}
