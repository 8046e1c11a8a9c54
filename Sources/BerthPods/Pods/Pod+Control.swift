import BerthCore
import BerthLinux
import BerthManifest
import BerthRuntime

/// What people do to a container by hand.
extension Pod {
  private func runningGroup(_ name: String, _ operation: String) throws(BerthError) -> Cgroup {
    guard record.spec.allContainers.contains(where: { $0.name == name }) else {
      let names = record.spec.allContainers.map(\.name).joined(separator: ", ")
      throw BerthError(.notFound, operation, "\(key)/\(name)", cause: "the pod's containers are \(names)")
    }
    let group = try context.cgroup(context.containerCgroup(uid, name))
    guard group.exists(), try !group.processes().isEmpty else {
      throw BerthError(.failedPrecondition, operation, "\(key)/\(name)", cause: "it doesn't run")
    }
    return group
  }

  /// To the container's init, or with `all` to every process in its cgroup.
  public func signal(_ name: String, _ signal: Int32, all: Bool) async throws(BerthError) {
    let group = try runningGroup(name, "signal container")
    if all { return try group.signalAll(signal) }
    _ = try await connection("signal container").request(.signal(container: name, signal: signal), deadline: deadline(Self.answerTime))
  }

  /// Freezes its processes where they are, or lets them go on.
  public func setPaused(_ name: String, _ paused: Bool) throws(BerthError) {
    let group = try runningGroup(name, paused ? "pause container" : "resume container")
    if paused { try group.freeze() } else { try group.thaw() }
  }

  public func isPaused(_ name: String) -> Bool { (try? runningGroup(name, "look at container"))?.isFrozen ?? false }

  /// Of its cgroup, as the node numbers them.
  public func processes(_ name: String) throws(BerthError) -> [Int32] { try runningGroup(name, "list processes").processes().sorted() }

  /// What its cgroup counts.
  public func usage(_ name: String) throws(BerthError) -> CgroupStats { try runningGroup(name, "measure container").stats() }
}
