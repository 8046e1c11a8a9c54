/// How a pod goes from one spec to the next where it must be made anew.
public struct UpdateSpec: Hashable, Sendable {
  public enum Strategy: String, Sendable, CaseIterable {
    /// The old pod is stopped, then the new one started.
    case recreate
    /// The new pod is started, and once it is ready the old one stopped.
    case startFirst = "start-first"
  }
  public var strategy: Strategy = .recreate
  /// How long the new pod may take to become ready.
  public var progressDeadline: Duration = .seconds(300)
  /// Whether a pod that isn't ready by then returns to the last good spec.
  public var rollback = true
  public init() {}
}

/// What to do about a running pod that somebody changed by hand.
public enum DriftPolicy: String, Sendable, CaseIterable {
  case repair
  case warn
}
