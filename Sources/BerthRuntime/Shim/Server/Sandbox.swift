import BerthCore
import BerthLinux
import BerthOCI

/// What the containers of a pod share. The shim is in it itself, so that every container is cloned into it; it ends with its last process.
struct Sandbox {
  let setup: SandboxSetup
  let folder: PodFolder
  let cgroups: CgroupLayout
  let podCgroup: Cgroup
  /// The mount namespace that this process came from, open.
  let nodeMounts: Int32

  /// Changes the calling process's namespaces for good: after a failure the process is of no more use.
  init(_ setup: SandboxSetup, in folder: PodFolder) throws(BerthError) {
    guard !setup.hostname.isEmpty, setup.hostname.utf8.count <= 64 else { throw Self.failure("hostname", "expected 1 to 64 bytes") }
    for volume in setup.tmpfs {
      let parts = volume.path.split(separator: "/")
      guard volume.path.hasPrefix("/"), !parts.contains(".."), !parts.isEmpty else {
        throw Self.failure(volume.path, "expected an absolute path")
      }
    }
    cgroups = try CgroupLayout.detect()
    guard let podCgroup = Cgroup(setup.podCgroup, in: cgroups) else { throw Self.failure(setup.podCgroup, "not a cgroup's path") }
    self.podCgroup = podCgroup
    self.setup = setup
    self.folder = folder
    do throws(Errno) {
      nodeMounts = try MountNamespace.own()
      try enter()
    } catch { throw error.wrapped("set up sandbox", setup.podUID) }
    for volume in setup.tmpfs { try mount(volume) }
  }

  private static func failure(_ subject: String, _ cause: String) -> BerthError {
    BerthError(.invalidArgument, "set up sandbox", subject, cause: cause)
  }

  private func enter() throws(Errno) {
    if let maps = setup.idMaps {
      try SandboxNamespaces.unshare(
        uidMap: IDMaps.text(maps.uids), gidMap: IDMaps.text(maps.gids), network: setup.network != .host, ipc: !setup.hostIPC,
        pinnedAt: folder.userNamespace)
    } else {
      try SandboxNamespaces.unshare(network: setup.network != .host, ipc: !setup.hostIPC)
    }
    try SandboxNamespaces.setHostname(setup.hostname)
    if setup.hostIPC { return }
    try Files.makeDirectory(folder.sharedMemory)
    try SandboxNamespaces.mountTmpfs(
      at: folder.sharedMemory, size: setup.shmSize, mode: 0o1777, uid: setup.idMaps?.hostUID(0) ?? 0, gid: setup.idMaps?.hostGID(0) ?? 0,
      noexec: true)
  }

  private func mount(_ volume: TmpfsVolume) throws(BerthError) {
    do throws(Errno) {
      try Files.makeDirectories(volume.path)
      try SandboxNamespaces.mountTmpfs(at: volume.path, size: volume.size, mode: volume.mode, uid: volume.uid, gid: volume.gid)
    } catch { throw error.wrapped("mount memory volume", volume.path) }
  }

  /// Takes away what wouldn't vanish with the last process.
  func tearDown() throws(BerthError) {
    try podCgroup.remove()
    do throws(Errno) {
      if (try? SandboxNamespaces.unmount(folder.sharedMemory)) != nil { try Files.removeDirectory(folder.sharedMemory) }
    } catch { throw error.wrapped("remove shared memory", folder.sharedMemory) }
  }
}
