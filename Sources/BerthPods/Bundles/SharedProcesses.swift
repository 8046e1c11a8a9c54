import BerthCore
import BerthManifest
import BerthOCI
import BerthRuntime

/// The PID namespace that a pod's containers share is kept by a process of its own: the init of `init = true` without a command, in an
/// empty root, without a single right. What containers can do to it is what they can do to one another, and nothing comes of it.
struct SharedProcesses {
  /// A folder and a cgroup beside the containers': no container's name has a low line.
  static let name = "pid_namespace"
  /// As Kubernetes' pause.
  private static let user: UInt32 = 65_535

  let cgroup: String
  let users: PodUsers?

  /// Pure.
  func runtimeSpec() -> RuntimeSpec {
    var process = RuntimeSpec.Process(args: ["berth-init"])
    let isMapped = users.map { $0.maps.hostUID(Self.user) != nil && $0.maps.hostGID(Self.user) != nil } ?? true
    if isMapped { (process.user.uid, process.user.gid) = (Self.user, Self.user) }
    process.capabilities = RuntimeSpec.Capabilities(only: [])
    process.noNewPrivileges = true
    var linux = RuntimeSpec.Linux()
    linux.namespaces = ContainerDefaults.podNamespaces
    if let users {
      linux.namespaces.append(.init(.user, path: users.namespace))
      (linux.uidMappings, linux.gidMappings) = (users.maps.uids, users.maps.gids)
    }
    linux.cgroupsPath = cgroup
    var resources = RuntimeSpec.Resources()
    resources.pids = 4
    linux.resources = resources
    var spec = RuntimeSpec()
    spec.root = RuntimeSpec.Root(path: "rootfs", readonly: true)
    spec.process = process
    spec.linux = linux
    return spec
  }
}
