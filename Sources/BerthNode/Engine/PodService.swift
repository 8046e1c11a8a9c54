import BerthCore
import BerthImages
import BerthManifest
import BerthPlan
import BerthPods

/// What the engine needs of the layer that makes pods. The real one is `PodManager`; simulations bring their own.
public protocol PodService: Sendable {
  /// Makes a new incarnation: its record first, then volumes, cgroup and sandbox.
  func create(_ request: PodRequest) async throws(BerthError) -> any PodHandle
}

/// One incarnation of a pod. Its methods do one planned action each.
public protocol PodHandle: Sendable {
  /// Of this incarnation alone.
  var uid: String { get }
  /// What is there, read from the record, the shim and the kernel.
  func observe() async -> PodObservation
  /// What of it was changed by hand: generated files, limits. Dearer than `observe`.
  func drift() async -> [Drift]
  /// Begins attempt `attempt`. Why a container can't be started is returned, and a fact to be observed from then on; thrown is only
  /// what keeps the attempt from being made.
  func start(_ container: String, attempt: UInt32, backoffStep: Int) async throws(BerthError) -> BerthError?
  /// Writes down what a container is about to be stopped for, before anything is done about it.
  func beginStop(_ container: String, _ purpose: StopPurpose, because reason: String) async throws(BerthError)
  /// Sends the stop signal; the shim follows with SIGKILL after the grace period.
  func stop(_ container: String, grace: Duration) async throws(BerthError)
  /// Keeps for later daemons what probes found out.
  func note(_ container: String, attempt: UInt32, _ health: HealthVerdict) async throws(BerthError)
  /// Runs a program in a container to its end: success is exit code 0 within `timeout`.
  func execute(_ command: [String], in container: String, attempt: UInt32, timeout: Duration) async -> ProbeResult
  /// Writes the limits of `spec` into the cgroup of the pod (nil) or a container.
  func updateResources(_ container: String?, to spec: PodSpec) async throws(BerthError)
  /// Brings the files of a config or secret volume in line with `spec`.
  func updateVolume(_ volume: String, to spec: PodSpec) async throws(BerthError)
  /// To the container's init; `signal` is a name. One that has ended is fine.
  func signal(_ container: String, _ signal: String) async throws(BerthError)
  /// Makes `spec` the one that is in force.
  func record(spec: PodSpec, hash: String) async throws(BerthError)
  /// Takes away what a container that has ended leaves: writable layer and logs.
  func removeContainer(_ container: String) async throws(BerthError)
  /// Another incarnation takes over from it: it is to go, also if the daemon dies before that is done.
  func retire() async
  /// It serves in the place of the one that it was made beside.
  func takeOver() async throws(BerthError)
  /// A newer run is to be made beside it.
  func setAside() async throws(BerthError)
  /// From now on nothing of it runs again.
  func fail(_ failure: PodFailure) async throws(BerthError)
  /// Everything of a finished pod but the record of how it ended.
  func release() async throws(BerthError)
  /// Everything that the pod owns but persistent volumes. Its containers are dead.
  func remove() async throws(BerthError)
  /// Readies a session for a further process of a container (nil: the pod's first): the path of its one-time socket.
  func openExec(_ container: String?, _ options: ExecOptions) async throws(BerthError) -> String
  /// Readies a session with a connection to a port of the pod's loopback interface.
  func openConnection(port: UInt16, isSix: Bool) async throws(BerthError) -> String
  /// Readies a session with the streams of a container (nil: the pod's first).
  func openAttachment(_ container: String?) async throws(BerthError) -> Attachment
}

extension PodHandle {
  /// A simulated pod has no streams.
  public func openAttachment(_ container: String?) async throws(BerthError) -> Attachment {
    throw BerthError(.unsupported, "attach to container", container ?? "", cause: "there is no process")
  }

  /// A simulated pod has no network.
  public func openConnection(port: UInt16, isSix: Bool) async throws(BerthError) -> String {
    throw BerthError(.unsupported, "connect to pod", "port \(port)", cause: "there is no process")
  }

  /// A simulated pod has no processes.
  public func openExec(_ container: String?, _ options: ExecOptions) async throws(BerthError) -> String {
    throw BerthError(.unsupported, "exec in container", container ?? "", cause: "there is no process")
  }
}

/// What images the engine can have.
public protocol ImageProvider: Sendable {
  /// In the store and unpacked, nil if not. Fast: on the way from manifest to process.
  func lookup(_ reference: String) throws(BerthError) -> String?
  /// Fetches it and returns the digest it resolved to. Blocks its thread.
  func pull(_ reference: String) throws(BerthError) -> String
  /// As `pull`; `progress` is told of every place that the image wasn't to be had from, also where another had it, and how far layers are.
  func pull(_ reference: String, progress: @escaping @Sendable (PullEvent) -> Void) throws(BerthError) -> String
}

extension ImageProvider {
  public func pull(_ reference: String, progress: @escaping @Sendable (PullEvent) -> Void) throws(BerthError) -> String {
    try pull(reference)
  }
}
