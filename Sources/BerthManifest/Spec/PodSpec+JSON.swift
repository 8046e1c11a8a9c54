import BerthCore

// The spec as JSON, in the manifest's words: `berth inspect` shows it, records keep it. Durations, sizes and CPU are strings in their
// exact form. Read back by any version: `PodSpec(json:)`.

/// Who a spec's JSON is for.
public enum SpecDisclosure: Sendable {
  /// People and the API: secrets are left out.
  case shown
  /// The pod's record, which a reboot may lose: everything.
  case record
  /// A disk: what is in the manifest and differs from its default, but no content of the files that it refers to.
  case disk
}

extension PodSpec {
  /// Without secrets.
  public var json: JSON { json(for: .shown) }

  public func json(for disclosure: SpecDisclosure) -> JSON {
    .object(members(for: disclosure, against: Self.usual, leavesOutUsual: disclosure == .disk, usualHostname: key.name).object)
  }

  /// What differs from another spec of the pod, everything of it.
  func difference(from other: PodSpec) -> JSON {
    .object(members(for: .record, against: other, leavesOutUsual: true, usualHostname: other.hostname).object)
  }

  /// The JSON for a disk: most pods are then a few words, and a record fits a page of the database.
  public func record() -> [UInt8] { json(for: .disk).encoded() }

  /// What a manifest that says nothing leads to, but for what follows from its name.
  private static let usual = PodSpec(key: PodKey(namespace: "default", name: "usual"))

  private func members(for disclosure: SpecDisclosure, against usual: PodSpec, leavesOutUsual: Bool, usualHostname: String) -> SpecMembers {
    var members = SpecMembers(leavesOutUsual: leavesOutUsual)
    members.add("namespace", .string(key.namespace))
    members.add("name", .string(key.name))
    members.add("labels", .strings(labels), isUsual: labels == usual.labels)
    members.add("annotations", .strings(annotations), isUsual: annotations == usual.annotations)
    members.add("restart_policy", .string(restartPolicy.rawValue), isUsual: restartPolicy == usual.restartPolicy)
    members.add("restart_backoff", restartBackoff.json, isUsual: restartBackoff == usual.restartBackoff)
    members.add(
      "termination_grace_period", .duration(terminationGracePeriod), isUsual: terminationGracePeriod == usual.terminationGracePeriod)
    members.add("network", network.json, isUsual: network == usual.network)
    members.add("hostname", .string(hostname), isUsual: hostname == usualHostname)
    members.add("hosts", .object(Self.sorted(hosts) { .strings($0) }), isUsual: hosts == usual.hosts)
    members.add("dns", dns?.json ?? .null, isUsual: dns == usual.dns)
    members.add("sysctls", .strings(sysctls), isUsual: sysctls == usual.sysctls)
    members.add("resources", resources.json, isUsual: resources == usual.resources)
    members.add("shm_size", .size(shmSize), isUsual: shmSize == usual.shmSize)
    members.add("host_pid", .bool(hostPID), isUsual: hostPID == usual.hostPID)
    members.add("host_ipc", .bool(hostIPC), isUsual: hostIPC == usual.hostIPC)
    members.add("share_process_namespace", .bool(sharesProcesses), isUsual: sharesProcesses == usual.sharesProcesses)
    members.add("user_namespace", userNamespace.json, isUsual: userNamespace == usual.userNamespace)
    members.add("fs_group", .optional(fsGroup.map { Int64($0) }), isUsual: fsGroup == usual.fsGroup)
    members.add(
      "supplemental_groups", .array(supplementalGroups.map { .integer(Int64($0)) }), isUsual: supplementalGroups == usual.supplementalGroups
    )
    members.add("node_selector", .strings(nodeSelector), isUsual: nodeSelector == usual.nodeSelector)
    members.add("suspend", .bool(suspend), isUsual: suspend == usual.suspend)
    members.add("depends_on", .array(dependsOn.map(\.json)), isUsual: dependsOn == usual.dependsOn)
    members.add("active_deadline", activeDeadline.map { .duration($0) } ?? .null, isUsual: activeDeadline == usual.activeDeadline)
    members.add("ttl_after_finished", ttlAfterFinished.map { .duration($0) } ?? .null, isUsual: ttlAfterFinished == usual.ttlAfterFinished)
    members.add("on_drift", .string(onDrift.rawValue), isUsual: onDrift == usual.onDrift)
    members.add("update", update.json, isUsual: update == usual.update)
    members.add("init_container", .array(initContainers.map { $0.json(for: disclosure) }), isUsual: initContainers == usual.initContainers)
    members.add("container", .array(containers.map { $0.json(for: disclosure) }), isUsual: containers == usual.containers)
    members.add("volume", .array(volumes.map { $0.json(for: disclosure) }), isUsual: volumes == usual.volumes)
    addSchedule(to: &members, usual: usual.schedule)
    return members
  }

  static func sorted<Value>(_ map: [String: Value], _ json: (Value) -> JSON) -> JSONObject {
    var object = JSONObject()
    for (key, value) in map.sorted(by: { $0.key < $1.key }) { object[key] = json(value) }
    return object
  }
}

extension JSON {
  static func duration(_ duration: Duration) -> JSON { .string(DurationText.format(duration)) }
  static func size(_ size: ByteSize) -> JSON { .string(size.description) }
  static func optionalSize(_ value: ByteSize?) -> JSON { value.map(JSON.size) ?? .null }
  static func optionalStrings(_ values: [String]?) -> JSON { values.map { .strings($0) } ?? .null }
}

extension RestartBackoff {
  var json: JSON { ["initial": .duration(initial), "max": .duration(max), "reset_after": .duration(resetAfter)] }
}

extension DNSConfig {
  var json: JSON { ["servers": .strings(servers), "searches": .strings(searches), "options": .strings(options)] }
}

extension Resources {
  var json: JSON {
    [
      "cpu": cpuMillicores.map { .string("\($0)m") } ?? .null, "memory": .optionalSize(memory), "memory_swap": .optionalSize(memorySwap),
      "pids": .optional(pids), "cpu_weight": .optional(cpuWeight), "cpuset_cpus": .optional(cpusetCpus), "io_weight": .optional(ioWeight),
      "hugepages": .object(hugepagesJSON),
    ]
  }
}

extension ContainerSpec {
  /// What a container that says nothing leads to, but for what follows from its image.
  private static let usual = {
    var usual = ContainerSpec(name: "", image: "", imagePullPolicy: .ifNotPresent)
    usual.resources.pids = defaultPids
    return usual
  }()

  public func json(for disclosure: SpecDisclosure) -> JSON {
    let usual = Self.usual
    var members = SpecMembers(leavesOutUsual: disclosure == .disk)
    members.add("name", .string(name))
    members.add("image", .string(image))
    members.add("image_pull_policy", .string(imagePullPolicy.rawValue), isUsual: imagePullPolicy == ImageText(image).defaultPullPolicy)
    members.add("command", .optionalStrings(command), isUsual: command == nil)
    members.add("args", .optionalStrings(args), isUsual: args == nil)
    members.add("working_dir", .optional(workingDir), isUsual: workingDir == nil)
    members.add("user", .optional(user), isUsual: user == nil)
    members.add("stop_signal", .optional(stopSignal), isUsual: stopSignal == nil)
    members.add("tty", .bool(tty), isUsual: !tty)
    members.add("stdin", .bool(stdin), isUsual: !stdin)
    members.add("init", .bool(hasInit), isUsual: !hasInit)
    members.add("env", .object(PodSpec.sorted(env) { $0.json(for: disclosure) }), isUsual: env.isEmpty)
    members.add("env_file", .array(envFiles.map { $0.json(for: disclosure) }), isUsual: envFiles.isEmpty)
    members.add("ports", .array(ports.map(\.json)), isUsual: ports.isEmpty)
    members.add("mounts", .array(mounts.map(\.json)), isUsual: mounts.isEmpty)
    members.add("devices", .array(devices.map(\.json)), isUsual: devices.isEmpty)
    members.add("resources", resources.json, isUsual: resources == usual.resources)
    members.add("security", security.json(for: disclosure), isUsual: security == usual.security)
    members.add("rlimits", .object(PodSpec.sorted(rlimits) { $0.json }), isUsual: rlimits.isEmpty)
    members.add("log", log.json, isUsual: log == usual.log)
    lifecycle.add(to: &members)
    if isSidecar { members.add("restart_policy", "always") }
    return .object(members.object)
  }
}

extension PortSpec {
  var json: JSON {
    [
      "container": .integer(Int(container)), "host": .optional(host.map { Int64($0) }), "host_ip": .optional(hostIP),
      "protocol": .string(transport.rawValue), "name": .optional(name),
    ]
  }
}

extension MountSpec {
  var json: JSON {
    [
      "volume": .string(volume), "path": .string(path), "read_only": .bool(readOnly), "sub_path": .optional(subPath),
      "propagation": .string(propagation.rawValue),
    ]
  }
}

extension SecuritySpec {
  func json(for disclosure: SpecDisclosure) -> JSON {
    var object: JSONObject = [
      "privileged": .bool(privileged), "read_only_root_filesystem": .bool(readOnlyRootFilesystem), "run_as_non_root": .bool(runAsNonRoot),
      "no_new_privileges": .bool(noNewPrivileges),
      "capabilities": ["add": .strings(addCapabilities), "drop": .strings(dropCapabilities)],
      "seccomp": .string(seccomp.text), "apparmor": .optional(apparmor),
      "masked_paths": .optionalStrings(maskedPaths), "readonly_paths": .optionalStrings(readonlyPaths),
    ]
    // Beside the path, which is all that earlier versions know.
    if disclosure == .record, case .file(let file) = seccomp, let content = file.content { object[Self.profileKey] = content.json }
    return .object(object)
  }
}

extension SecuritySpec {
  /// The content of the file that `seccomp` names.
  static let profileKey = "seccomp_profile"
}

extension SecuritySpec.Seccomp {
  /// A path is absolute, so it can't be mistaken for a word.
  var text: String {
    switch self {
    case .default: "default"
    case .unconfined: "unconfined"
    case .file(let file): file.path
    }
  }

  init(text: String) {
    switch text {
    case "default": self = .default
    case "unconfined": self = .unconfined
    default: self = .file(ContentFile(path: text))
    }
  }
}

extension Rlimit {
  var json: JSON { ["soft": Self.json(soft), "hard": Self.json(hard)] }
  private static func json(_ limit: UInt64) -> JSON {
    limit == .max ? .string("unlimited") : Int64(exactly: limit).map { .integer($0) } ?? .unsigned(limit)
  }
}

extension LogSpec {
  var json: JSON { ["max_size": .size(maxSize), "max_files": .integer(maxFiles)] }
}

extension VolumeSpec {
  public func json(for disclosure: SpecDisclosure) -> JSON {
    var object: JSONObject = [
      "name": .string(name), "owner": owner.map { .string("\($0.uid):\($0.gid)") } ?? .null, "mode": .optional(mode.map { Int64($0) }),
    ]
    switch source {
    case .hostPath(let path, let type): object["host_path"] = ["path": .string(path), "type": .string(type.rawValue)]
    case .emptyDir(let inMemory, let size):
      object["empty_dir"] = ["medium": .string(inMemory ? "memory" : ""), "size": .optionalSize(size)]
    case .persistent(let shared): object["persistent"] = ["name": .optional(shared)]
    case .config(let set): object["config"] = set.json(for: disclosure, isSecret: false)
    case .secret(let set): object["secret"] = set.json(for: disclosure, isSecret: true)
    case .image(let reference, let policy):
      object["image"] = ["reference": .string(reference), "pull_policy": .string(policy.rawValue)]
    }
    return .object(object)
  }
}
