import BerthCore

// The spec as JSON, in the manifest's words, every default written out: `berth inspect` shows it, records keep it. Durations, sizes and
// CPU are strings in their exact form. Read back by any version: `PodSpec(json:)`.

/// Who a spec's JSON is for.
public enum SpecDisclosure: Sendable {
  /// People and the API: secrets are left out.
  case shown
  /// The pod's record, which a reboot may lose: everything.
  case record
  /// A disk: what is in the manifest, but no content of the files that it refers to.
  case disk
}

extension PodSpec {
  /// Without secrets.
  public var json: JSON { json(for: .shown) }

  public func json(for disclosure: SpecDisclosure) -> JSON {
    var object = members(for: disclosure)
    for member in scheduleMembers { object[member.key] = member.value }
    return .object(object)
  }

  /// The JSON for a disk, without what reads the same when it isn't there: a record then fits a page of the database.
  public func record() -> [UInt8] {
    json(for: .disk).encoded { key, value in
      switch value {
      // No limit, where nothing would be the default one.
      case .null: key != "pids"
      case .array(let items): items.isEmpty && Self.emptyAsAbsent.contains(key)
      case .object(let members): members.isEmpty && Self.emptyAsAbsent.contains(key)
      default: false
      }
    }
  }

  /// Not those of which an empty list takes away what an image or a default has.
  private static let emptyAsAbsent: Set<String> = [
    "annotations", "container", "depends_on", "devices", "env", "env_file", "hosts", "hugepages", "init_container", "labels", "mounts",
    "node_selector", "ports", "rlimits", "supplemental_groups", "sysctls", "volume",
  ]

  private func members(for disclosure: SpecDisclosure) -> JSONObject {
    [
      "namespace": .string(key.namespace), "name": .string(key.name), "labels": .strings(labels), "annotations": .strings(annotations),
      "restart_policy": .string(restartPolicy.rawValue), "restart_backoff": restartBackoff.json,
      "termination_grace_period": .duration(terminationGracePeriod), "network": network.json, "hostname": .string(hostname),
      "hosts": .object(Self.sorted(hosts) { .strings($0) }), "dns": dns?.json ?? .null, "sysctls": .strings(sysctls),
      "resources": resources.json,
      "shm_size": .size(shmSize), "host_pid": .bool(hostPID), "host_ipc": .bool(hostIPC), "share_process_namespace": .bool(sharesProcesses),
      "user_namespace": userNamespace.json, "fs_group": .optional(fsGroup.map { Int64($0) }),
      "supplemental_groups": .array(supplementalGroups.map { .integer(Int64($0)) }), "node_selector": .strings(nodeSelector),
      "suspend": .bool(suspend),
      "depends_on": .array(dependsOn.map(\.json)), "active_deadline": activeDeadline.map { .duration($0) } ?? .null,
      "ttl_after_finished": ttlAfterFinished.map { .duration($0) } ?? .null, "on_drift": .string(onDrift.rawValue), "update": update.json,
      "init_container": .array(initContainers.map { $0.json(for: disclosure) }),
      "container": .array(containers.map { $0.json(for: disclosure) }), "volume": .array(volumes.map { $0.json(for: disclosure) }),
    ]
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
  public func json(for disclosure: SpecDisclosure) -> JSON {
    var object = processMembers(for: disclosure)
    for (key, value) in lifecycle.members { object[key] = value }
    if isSidecar { object["restart_policy"] = "always" }
    return .object(object)
  }

  private func processMembers(for disclosure: SpecDisclosure) -> JSONObject {
    [
      "name": .string(name), "image": .string(image), "image_pull_policy": .string(imagePullPolicy.rawValue),
      "command": .optionalStrings(command), "args": .optionalStrings(args), "working_dir": .optional(workingDir), "user": .optional(user),
      "stop_signal": .optional(stopSignal), "tty": .bool(tty), "stdin": .bool(stdin), "init": .bool(hasInit),
      "env": .object(PodSpec.sorted(env) { $0.json(for: disclosure) }),
      "env_file": .array(envFiles.map { $0.json(for: disclosure) }), "ports": .array(ports.map(\.json)),
      "mounts": .array(mounts.map(\.json)),
      "devices": .array(devices.map(\.json)), "resources": resources.json, "security": security.json(for: disclosure),
      "rlimits": .object(PodSpec.sorted(rlimits) { $0.json }), "log": log.json,
    ]
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
