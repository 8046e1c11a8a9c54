/// What the engine measures of itself, for /metrics.
public final class Telemetry: Sendable {
  /// From a look at a pod to the end of what that look led to.
  public let reconcile = Histogram()
  /// From the order to start a pod's containers, side by side, until all their programs run.
  public let start = Histogram()

  /// From a probe's beginning to its answer, or to the end of its time.
  public let probe = Histogram()

  public init() {}
}
