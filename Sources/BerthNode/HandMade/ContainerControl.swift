import BerthCore
import BerthPods
import BerthRuntime

/// What a person may do to a running container, beside what the plan does. Each throws `.notFound` for a container that the pod doesn't
/// have and `.failedPrecondition` where it isn't running.
public protocol ContainerControl: Sendable {
  /// To the container's init, or with `all` to every process in its cgroup.
  func signal(_ container: String, _ signal: Int32, all: Bool) async throws(BerthError)
  /// Freezes its processes where they are, or lets them go on.
  func setPaused(_ container: String, _ paused: Bool) async throws(BerthError)
  func isPaused(_ container: String) async -> Bool
  /// Of its cgroup, as the node numbers them.
  func processes(_ container: String) async throws(BerthError) -> [Int32]
  /// What its cgroup counts.
  func usage(_ container: String) async throws(BerthError) -> ContainerUsage
  /// What each of its containers that has a cgroup uses now.
  func usageSamples() async -> [UsageSample]
  /// Begins to copy files out of or into a container (nil: the pod's first).
  func copy(_ container: String?, _ path: String, _ direction: ContainerCopy.Direction) async throws(BerthError) -> ContainerCopy
}

/// A container's CPU, memory and processes.
public typealias ContainerUsage = CgroupStats
public typealias ResourcePressure = CgroupPressure

extension Pod: ContainerControl {}
