import BerthCore
import BerthManifest
import BerthPlan

/// One attempt of a container that runs and is watched.
public struct HealthTarget: Hashable, Sendable {
  public struct ID: Hashable, Sendable {
    public var uid: String
    public var container: String
    public var attempt: UInt32
  }
  public var pod: PodKey
  public var id: ID
  public var spec: LifecycleSpec
  /// Of the container's init, in whose network namespace its probes begin; nil: in the node's.
  public var networkOf: Int32?
  public var startedAt: Instant
  /// What an earlier daemon found out.
  public var known: HealthVerdict?
}

/// Runs probes and hooks. The real one is `HealthMonitor`; simulations bring their own.
protocol HealthService: Sendable {
  /// These are the containers to watch of the incarnation `uid`, all of them: any other of it is forgotten. A target that is watched
  /// already goes on. Whenever a verdict changes the pod's worker is marked.
  func watch(_ uid: String, _ targets: [HealthTarget], through handle: (any PodHandle)?)
  /// nil of a target that isn't watched.
  func verdict(of target: HealthTarget.ID) -> HealthVerdict?
  /// One hook, which may take `timeout`.
  func run(_ hook: HookSpec, in target: HealthTarget, through handle: any PodHandle, timeout: Duration) async -> ProbeResult
}
