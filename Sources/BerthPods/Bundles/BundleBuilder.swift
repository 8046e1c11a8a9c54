import BerthCore
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
    process.env = environment()
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

  private func environment() -> [String] {
    var values: [(name: String, value: String)] = []
    var positions: [String: Int] = [:]
    func set(_ name: String, _ value: String) {
      if let at = positions[name] {
        values[at].value = value
      } else {
        positions[name] = values.count
        values.append((name, value))
      }
    }
    set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    set("HOSTNAME", pod.hostname)
    for entry in image.env {
      let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2, !parts[0].isEmpty { set(String(parts[0]), String(parts[1])) }
    }
    for name in container.env.keys.sorted() { set(name, container.env[name] ?? "") }
    return values.map { "\($0.name)=\($0.value)" }
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
          destination: "/etc/\(name)", type: "bind", source: "\(context.etc)/\(name)", options: ["bind", "nosuid", "nodev", "noexec"]))
    }
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
    var options = ["rbind", "nosuid", "nodev"]
    switch mount.propagation {
    case .private: options.append("rprivate")
    case .hostToContainer: options.append("rslave")
    case .bidirectional: options.append("rshared")
    }
    if mount.readOnly { options.append("rro") }
    return RuntimeSpec.Mount(destination: mount.path, type: "bind", source: volume.path, options: options)
  }

  /// Destination → path inside the volume, for mounts that want a part of one.
  var subPaths: [String: String] {
    var paths: [String: String] = [:]
    for mount in container.mounts { if let path = mount.subPath { paths[mount.path] = path } }
    return paths
  }

  // MARK: linux

  private func linux() -> RuntimeSpec.Linux {
    var linux = RuntimeSpec.Linux()
    linux.namespaces = ContainerDefaults.podNamespaces
    linux.cgroupsPath = context.cgroup
    var resources = container.resources.runtime
    resources.devices = container.security.privileged ? [RuntimeSpec.DeviceRule(allow: true)] : ContainerDefaults.deviceRules
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
    resources.blockIOWeight = ioWeight.map { UInt16(clamping: max(10, min(1000, $0))) }
    return resources
  }

  /// As `runtime`, for a group that has `old`: what that limited and this doesn't is set free. `cpus`: of the node.
  func runtime(insteadOf old: Resources, cpus: Int) -> RuntimeSpec.Resources {
    var resources = runtime
    if cpuMillicores == nil, old.cpuMillicores != nil { (resources.cpu.period, resources.cpu.quota) = (100_000, -1) }
    if cpuWeight == nil, old.cpuWeight != nil { resources.cpu.shares = 1024 }
    if cpusetCpus == nil, old.cpusetCpus != nil { resources.cpu.cpus = "0-\(max(0, cpus - 1))" }
    if memory == nil, old.memory != nil { (resources.memory.limit, resources.memory.swap) = (-1, -1) }
    if pids == nil, old.pids != nil { resources.pids = -1 }
    if ioWeight == nil, old.ioWeight != nil { resources.blockIOWeight = 100 }
    return resources
  }
}
