import BerthCore
import BerthManifest

/// What is known of a container from before the node went down: the newest attempt that was made then.
public struct PastAttempt: Hashable, Sendable {
  public var attempt: UInt32
  /// Whether it had ended well by itself.
  public var succeeded: Bool

  public init(attempt: UInt32, succeeded: Bool) {
    self.attempt = attempt
    self.succeeded = succeeded
  }
}

extension [String: PastAttempt] {
  /// Attempts go on counting, as the kubelet's do.
  func next(_ container: String) -> UInt32 { self[container].map { $0.attempt &+ 1 } ?? 0 }
}

extension PodSpec {
  /// Whether `name` had done its work before the node went down. Init containers run again in every new incarnation.
  public func hasDone(_ name: String, past: [String: PastAttempt]) -> Bool {
    restartPolicy != .always && past[name]?.succeeded == true && containers.contains { $0.name == name }
  }
}
