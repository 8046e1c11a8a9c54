import BerthCore
import BerthLinux
import BerthManifest
import BerthRuntime

extension Pod {
  /// Before each container of a pod that shares its processes: makes sure that the namespace is there. The shim answers at once where
  /// it is.
  func holdProcesses() async throws(BerthError) {
    guard record.spec.sharesProcesses else { return }
    let shared = SharedProcesses(
      cgroup: context.containerCgroup(uid, SharedProcesses.name),
      users: idMaps.map { PodUsers(maps: $0, namespace: paths.userNamespace) })
    let bundle = paths.bundle(SharedProcesses.name)
    do throws(Errno) {
      try Files.makeDirectories("\(bundle)/rootfs")
      try Files.writeAtomically(shared.runtimeSpec().json().encoded(), to: "\(bundle)/config.json")
    } catch { throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "hold pid namespace", bundle, cause: "\(error)") }
    var launch = LaunchRequest(id: "\(uid)/\(SharedProcesses.name)", bundle: bundle, rootfs: .directory("\(bundle)/rootfs"))
    launch.initProcess = .reaperOnly
    launch.seccompFilter = try context.seccomp.path(for: SecuritySpec(), capabilities: [])
    let request = ShimRequest.hold(cgroup: shared.cgroup, launch: EncodedLaunch(launch))
    _ = try await connection("hold pid namespace").request(request, deadline: deadline(Self.startTime))
  }
}
