import BerthCore
import BerthImages
import BerthManifest
import BerthOCI
import BerthRuntime

/// What of a container's bundle depends on the node and the pod's incarnation, not on the manifest.
struct BundleContext: Hashable, Sendable {
  var cgroup: String
  /// The pod's shared /dev/shm.
  var shm: String
  /// Folder with hosts, hostname and resolv.conf.
  var etc: String
  var volumes: [String: PreparedVolume]
  var cpus: Int
  var nodeName: String
  var podUID = ""
  /// The pod's first address; nil where it has none.
  var podIP: String?
  var devices = DeviceEdits()
  /// Whether the kernel has AppArmor and it is on.
  var hasAppArmor = false
  /// nil: the node's.
  var users: PodUsers?
  /// A file that stands for the PID namespace which the pod's containers share; nil: each has its own.
  var pidNamespace: String?
}

/// The pod's user namespace: how its ids lie on the node's, and the file that stands for it in the shim's mount namespace.
struct PodUsers: Hashable, Sendable {
  var maps: IDMaps
  var namespace: String
}

/// Computes a container's runtime spec from manifest and image config. Pure.
///
/// Trust boundary: of the image's config only entrypoint, cmd, env, working directory and user are used, all of them inside the
/// container; its labels, volumes and ports decide nothing on the node.
struct BundleBuilder {
  let pod: PodSpec
  let container: ContainerSpec
  let image: ImageConfig
  let context: BundleContext

  func runtimeSpec() throws(BerthError) -> RuntimeSpec {
    var spec = RuntimeSpec()
    spec.root = RuntimeSpec.Root(path: "rootfs", readonly: container.security.readOnlyRootFilesystem)
    spec.process = try process()
    spec.mounts = try mounts()
    spec.annotations = [
      "io.berth.pod.namespace": pod.key.namespace, "io.berth.pod.name": pod.key.name, "io.berth.container.name": container.name,
    ]
    spec.linux = linux()
    return spec
  }

  // MARK: process

  private func process() throws(BerthError) -> RuntimeSpec.Process {
    var process = RuntimeSpec.Process(args: try arguments(), cwd: workingDirectory)
    process.env = try environment()
    process.terminal = container.tty
    process.user.additionalGids = groups
    process.apparmorProfile = try apparmorProfile()
    process.capabilities = RuntimeSpec.Capabilities(only: container.capabilities)
    process.noNewPrivileges = container.security.noNewPrivileges && !container.security.privileged
    process.rlimits = rlimits
    return process
  }

  /// Kubernetes' table: `command` replaces the entrypoint and drops the image's cmd, `args` replaces the cmd.
  private func arguments() throws(BerthError) -> [String] {
    let entrypoint = container.command ?? image.entrypoint
    let rest = container.args ?? (container.command == nil ? image.cmd : [])
    let arguments = entrypoint + rest
    guard !arguments.isEmpty else {
      throw BerthError(
        .failedPrecondition, "start container", container.name,
        cause: "neither the manifest (command, args) nor the image names a command")
    }
    return arguments
  }

  private var workingDirectory: String {
    let directory = container.workingDir ?? image.workingDir
    return directory.isEmpty ? "/" : directory.hasPrefix("/") ? directory : "/" + directory
  }

  /// On top of those that the image's user has.
  private var groups: [UInt32] {
    var groups: [UInt32] = []
    for group in [pod.fsGroup].compactMap({ $0 }) + pod.supplementalGroups + context.devices.groups where !groups.contains(group) {
      groups.append(group)
    }
    return groups
  }

  private func apparmorProfile() throws(BerthError) -> String? {
    guard let profile = container.security.apparmor, profile != "unconfined" else { return nil }
    guard context.hasAppArmor else {
      throw BerthError(
        .failedPrecondition, "start container", container.name,
        cause: "security.apparmor asks for profile \"\(profile)\", and AppArmor is not enabled on this node")
    }
    return profile
  }

  private var rlimits: [RuntimeSpec.Rlimit] {
    let own = container.rlimits.keys.sorted().compactMap { name in
      container.rlimits[name].map { RuntimeSpec.Rlimit("RLIMIT_\(name.uppercased())", soft: $0.soft, hard: $0.hard) }
    }
    return ContainerDefaults.rlimits.filter { limit in !own.contains { $0.type == limit.type } } + own
  }

  // MARK: mounts

  private func mounts() throws(BerthError) -> [RuntimeSpec.Mount] {
    var mounts = ContainerDefaults.mounts(shm: context.shm)
    if container.security.privileged {
      for at in mounts.indices { mounts[at].options.removeAll { $0 == "ro" } }
    }
    for name in ["hosts", "hostname", "resolv.conf"] where !container.mounts.contains(where: { $0.path == "/etc/\(name)" }) {
      mounts.append(
        RuntimeSpec.Mount(
          destination: "/etc/\(name)", type: "bind", source: "\(context.etc)/\(name)",
          options: ["bind", "nosuid", "nodev", "noexec"] + idMapping))
    }
    mounts += context.devices.mounts
    // Parents before what is mounted inside them.
    for mount in container.mounts.sorted(by: { ($0.path.utf8.count, $0.path) < ($1.path.utf8.count, $1.path) }) {
      mounts.append(try volumeMount(mount))
    }
    return mounts
  }

  private func volumeMount(_ mount: MountSpec) throws(BerthError) -> RuntimeSpec.Mount {
    guard let volume = context.volumes[mount.volume] else {
      throw BerthError(.bug, "mount volume", mount.volume, cause: "it was not prepared")
    }
    if let image = volume.image { return imageMount(mount.path, image) }
    var options = ["rbind", "nosuid", "nodev"]
    switch mount.propagation {
    case .private: options.append("rprivate")
    case .hostToContainer: options.append("rslave")
    case .bidirectional: options.append("rshared")
    }
    // What Berth writes into a volume is Berth's.
    let isGenerated = pod.volumes.first { $0.name == mount.volume }?.source.fileSet != nil
    if mount.readOnly || isGenerated { options.append("rro") }
    return RuntimeSpec.Mount(destination: mount.path, type: "bind", source: volume.path, options: options + idMapping)
  }

  /// Read-only, and nothing in it can be executed, as Kubernetes has it.
  private func imageMount(_ path: String, _ image: ImageTree) -> RuntimeSpec.Mount {
    let options = ["ro", "nosuid", "nodev", "noexec"] + idMapping
    return switch image {
    // A layer an option: Linux 6.5.
    case .layers(let layers):
      RuntimeSpec.Mount(destination: path, type: "overlay", source: "overlay", options: options + layers.map { "lowerdir+=\($0)" })
    case .directory(let directory):
      RuntimeSpec.Mount(destination: path, type: "bind", source: directory, options: ["bind", "rprivate"] + options)
    }
  }

  /// In a user namespace files are to have the owners that they have on disk, not the node's idea of those.
  private var idMapping: [String] { context.users == nil ? [] : ["ridmap"] }

  /// Destination → path inside the volume, for mounts that want a part of one.
  var subPaths: [String: String] {
    var paths: [String: String] = [:]
    for mount in container.mounts { if let path = mount.subPath { paths[mount.path] = path } }
    return paths
  }

  /// Destinations whose part of a volume is made where it isn't there, as Kubernetes does. Generated files are there or they are missing.
  var creatableSubPaths: [String] {
    container.mounts.filter { mount in
      mount.subPath != nil && pod.volumes.contains { $0.name == mount.volume && $0.source.fileSet == nil }
    }.map(\.path)
  }

  // MARK: linux

  private func linux() -> RuntimeSpec.Linux {
    var linux = RuntimeSpec.Linux()
    linux.namespaces = ContainerDefaults.podNamespaces.filter { !(pod.hostPID && $0.type == .pid) }
    if let path = context.pidNamespace {
      linux.namespaces.removeAll { $0.type == .pid }
      linux.namespaces.append(.init(.pid, path: path))
    }
    if let users = context.users {
      linux.namespaces.append(.init(.user, path: users.namespace))
      (linux.uidMappings, linux.gidMappings) = (users.maps.uids, users.maps.gids)
    }
    linux.cgroupsPath = context.cgroup
    linux.sysctl = pod.sysctls
    var resources = container.resources.runtime
    resources.devices =
      container.security.privileged ? [RuntimeSpec.DeviceRule(allow: true)] : ContainerDefaults.deviceRules + context.devices.rules
    linux.devices = context.devices.devices
    if resources.pids == nil { resources.pids = ContainerSpec.defaultPids }
    linux.resources = resources
    if !container.security.privileged {
      linux.maskedPaths = container.security.maskedPaths ?? ContainerDefaults.maskedPaths(cpus: context.cpus)
      linux.readonlyPaths = container.security.readonlyPaths ?? ContainerDefaults.readonlyPaths
    }
    return linux
  }
}

extension ContainerSpec {
  /// The bound on processes and threads of a container whose manifest sets none.
  public static let defaultPids: Int64 = 4096
}

extension Resources {
  /// As the runtime spec says it. CPU time is a quota of each 100 ms period, swap the sum of memory and swap.
  var runtime: RuntimeSpec.Resources {
    var resources = RuntimeSpec.Resources()
    if let cpuMillicores {
      resources.cpu.period = 100_000
      resources.cpu.quota = max(1_000, cpuMillicores.multipliedReportingOverflow(by: 100).partialValue)
    }
    // cgroup v2's weight 1…10,000 (100) as v1's shares 2…262,144 (1,024), runc's formula backwards.
    if let cpuWeight { resources.cpu.shares = UInt64(2 + (max(1, min(10_000, cpuWeight)) - 1) * 262_142 / 9_999) }
    resources.cpu.cpus = cpusetCpus
    resources.memory.limit = memory?.bytes
    if let memory {
      // Without a word about swap there is none: a limit that swaps is no limit.
      resources.memory.swap = memory.bytes.addingReportingOverflow(memorySwap?.bytes ?? 0).partialValue
    }
    resources.pids = pids
    resources.hugepageLimits = hugepages.sorted { $0.key < $1.key }.map { page, limit in
      RuntimeSpec.HugepageLimit(pageSize: Self.pageName(page), limit: UInt64(clamping: limit.bytes))
    }
    resources.blockIOWeight = ioWeight.map { UInt16(clamping: max(10, min(1000, $0))) }
    return resources
  }

  /// As the kernel's file names spell it. Source: mm/hugetlb_cgroup.c "mem_fmt".
  private static func pageName(_ bytes: Int64) -> String {
    if bytes >= 1 << 30 { return "\(bytes >> 30)GB" }
    return bytes >= 1 << 20 ? "\(bytes >> 20)MB" : "\(bytes >> 10)KB"
  }

  /// As `runtime`, for a group that has `old`: what that limited and this doesn't is set free. `cpus`: of the node.
  func runtime(insteadOf old: Resources, cpus: Int) -> RuntimeSpec.Resources {
    var resources = runtime
    if cpuMillicores == nil, old.cpuMillicores != nil { (resources.cpu.period, resources.cpu.quota) = (100_000, -1) }
    if cpuWeight == nil, old.cpuWeight != nil { resources.cpu.shares = 1024 }
    if cpusetCpus == nil, old.cpusetCpus != nil { resources.cpu.cpus = "0-\(max(0, cpus - 1))" }
    if memory == nil, old.memory != nil { (resources.memory.limit, resources.memory.swap) = (-1, -1) }
    if pids == nil, old.pids != nil { resources.pids = -1 }
    for page in old.hugepages.keys.sorted() where hugepages[page] == nil {
      resources.hugepageLimits.append(RuntimeSpec.HugepageLimit(pageSize: Self.pageName(page), limit: UInt64(Int64.max)))
    }
    if ioWeight == nil, old.ioWeight != nil { resources.blockIOWeight = 100 }
    return resources
  }
}
