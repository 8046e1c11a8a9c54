import BerthCore
import BerthOCI
import BerthRuntime
import Testing

@testable import BerthPods

@Suite("who keeps a shared PID namespace")
struct SharedProcessesTests {
  private func users(_ size: UInt32) -> PodUsers {
    let ids = RuntimeSpec.IDMapping(containerID: 0, hostID: 524_288, size: size)
    return PodUsers(maps: IDMaps(uids: [ids], gids: [ids]), namespace: "/pod/user.ns")
  }

  @Test("it is nobody, has no right, no mount and no device, and a root that nobody writes to")
  func rights() {
    let spec = SharedProcesses(cgroup: "/berth/x/pid_namespace", users: nil).runtimeSpec()
    #expect(spec.process?.user.uid == 65_535 && spec.process?.user.gid == 65_535 && spec.process?.noNewPrivileges == true)
    #expect(spec.process?.capabilities?.bounding == [] && spec.process?.capabilities?.effective == [])
    #expect(spec.root?.readonly == true && spec.mounts.isEmpty && spec.linux?.devices.isEmpty == true)
    #expect(spec.linux?.namespaces.contains { $0.type == .pid && $0.path == nil } == true)
    #expect(spec.linux?.cgroupsPath == "/berth/x/pid_namespace")
  }

  @Test("in a user namespace it is nobody where the range has one, else root there")
  func users() {
    let whole = SharedProcesses(cgroup: "/c", users: users(65_536)).runtimeSpec()
    #expect(whole.process?.user.uid == 65_535)
    #expect(whole.linux?.namespaces.contains { $0.type == .user && $0.path == "/pod/user.ns" } == true)
    #expect(SharedProcesses(cgroup: "/c", users: users(1000)).runtimeSpec().process?.user.uid == 0)
  }
}
