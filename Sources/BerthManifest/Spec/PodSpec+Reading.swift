import BerthCore

extension PodSpec {
  /// A record that this version or another wrote: unknown members are ignored, missing ones get their defaults.
  /// Throws `dataLoss` where a name is missing or a member is malformed.
  public init(json: JSON) throws(BerthError) {
    let reader = try SpecReader(json, "")
    let name = try reader.required("name", \.string)
    self.init(key: PodKey(namespace: try reader.optional("namespace", \.string) ?? "default", name: name))
    try reader.read("labels", into: &labels, SpecReader.stringMap)
    try reader.read("annotations", into: &annotations, SpecReader.stringMap)
    try reader.read("restart_policy", into: &restartPolicy)
    if let backoff = try reader.child("restart_backoff") { restartBackoff = try RestartBackoff(backoff) }
    try reader.read("termination_grace_period", into: &terminationGracePeriod, SpecReader.duration)
    try reader.read("network", into: &network) { PodNetwork(json: $0) }
    try reader.read("hostname", into: &hostname, \.string)
    try reader.read("hosts", into: &hosts) { SpecReader.map($0, SpecReader.strings) }
    if let child = try reader.child("dns") { dns = try DNSConfig(child) }
    try reader.read("sysctls", into: &sysctls, SpecReader.stringMap)
    if let child = try reader.child("resources") { resources = try Resources(child, defaultPids: nil) }
    try reader.read("shm_size", into: &shmSize, SpecReader.size)
    try reader.read("host_pid", into: &hostPID, \.bool)
    try reader.read("host_ipc", into: &hostIPC, \.bool)
    try reader.read("share_process_namespace", into: &sharesProcesses, \.bool)
    try reader.read("user_namespace", into: &userNamespace) { UserNamespace(json: $0) }
    fsGroup = try reader.optional("fs_group", SpecReader.id)
    try reader.read("supplemental_groups", into: &supplementalGroups, SpecReader.ids)
    try reader.read("node_selector", into: &nodeSelector, SpecReader.stringMap)
    try reader.read("suspend", into: &suspend, \.bool)
    dependsOn = try reader.list("depends_on") { item throws(BerthError) in try DependencySpec(item) }
    schedule = try Self.schedule(reader)
    activeDeadline = try reader.optional("active_deadline", SpecReader.duration)
    ttlAfterFinished = try reader.optional("ttl_after_finished", SpecReader.duration)
    try reader.read("on_drift", into: &onDrift)
    if let child = try reader.child("update") { update = try UpdateSpec(child) }
    initContainers = try reader.list("init_container") { item throws(BerthError) in try ContainerSpec(item) }
    containers = try reader.list("container") { item throws(BerthError) in try ContainerSpec(item) }
    volumes = try reader.list("volume") { item throws(BerthError) in try VolumeSpec(item) }
  }
}

extension RestartBackoff {
  init(_ reader: SpecReader) throws(BerthError) {
    self.init()
    try reader.read("initial", into: &initial, SpecReader.duration)
    try reader.read("max", into: &max, SpecReader.duration)
    try reader.read("reset_after", into: &resetAfter, SpecReader.duration)
  }
}

extension DNSConfig {
  init(_ reader: SpecReader) throws(BerthError) {
    self.init()
    try reader.read("servers", into: &servers, SpecReader.strings)
    try reader.read("searches", into: &searches, SpecReader.strings)
    try reader.read("options", into: &options, SpecReader.strings)
  }
}

extension Resources {
  /// A record that leaves `pids` out gets `defaultPids`; one that says null has no limit.
  init(_ reader: SpecReader, defaultPids: Int64?) throws(BerthError) {
    self.init()
    cpuMillicores = try reader.optional("cpu") { json in
      guard let text = json.string, text.hasSuffix("m") else { return nil }
      return Int64(text.dropLast())
    }
    memory = try reader.optional("memory", SpecReader.size)
    memorySwap = try reader.optional("memory_swap", SpecReader.size)
    pids = reader.object["pids"] == nil ? defaultPids : try reader.optional("pids", \.integer)
    cpuWeight = try reader.optional("cpu_weight", \.integer)
    cpusetCpus = try reader.optional("cpuset_cpus", \.string)
    ioWeight = try reader.optional("io_weight", \.integer)
    try reader.read("hugepages", into: &hugepages, Self.hugepages)
  }
}

extension ContainerSpec {
  init(_ reader: SpecReader) throws(BerthError) {
    let image = try reader.required("image", \.string)
    let policy = try reader.optional("image_pull_policy") { $0.string.flatMap { ImagePullPolicy(rawValue: $0) } }
    self.init(name: try reader.required("name", \.string), image: image, imagePullPolicy: policy ?? ImageText(image).defaultPullPolicy)
    command = try reader.optional("command", SpecReader.strings)
    args = try reader.optional("args", SpecReader.strings)
    workingDir = try reader.optional("working_dir", \.string)
    user = try reader.optional("user", \.string)
    stopSignal = try reader.optional("stop_signal", \.string)
    try reader.read("tty", into: &tty, \.bool)
    try reader.read("stdin", into: &stdin, \.bool)
    try reader.read("init", into: &hasInit, \.bool)
    try reader.read("env", into: &env) { SpecReader.map($0) { EnvValue(json: $0) } }
    envFiles = try reader.list("env_file") { item throws(BerthError) in try ContentFile(item) }
    try reader.read("devices", into: &devices) { $0.array?.compactMap { DeviceSpec(json: $0) } }
    ports = try reader.list("ports") { item throws(BerthError) in try PortSpec(item) }
    mounts = try reader.list("mounts") { item throws(BerthError) in try MountSpec(item) }
    resources.pids = Self.defaultPids
    if let child = try reader.child("resources") { resources = try Resources(child, defaultPids: Self.defaultPids) }
    if let child = try reader.child("security") { security = try SecuritySpec(child) }
    if let child = try reader.child("rlimits") {
      for member in child.object { rlimits[member.key] = try Rlimit(try SpecReader(member.value, "rlimits.\(member.key)")) }
    }
    if let child = try reader.child("log") { log = try LogSpec(child) }
    lifecycle = try LifecycleSpec(reader)
    isSidecar = try reader.optional("restart_policy", \.string) == "always"
  }
}

extension PortSpec {
  init(_ reader: SpecReader) throws(BerthError) {
    self.init(container: try reader.required("container", SpecReader.port))
    host = try reader.optional("host", SpecReader.port)
    hostIP = try reader.optional("host_ip", \.string)
    try reader.read("protocol", into: &transport)
    name = try reader.optional("name", \.string)
  }
}

extension MountSpec {
  init(_ reader: SpecReader) throws(BerthError) {
    self.init(volume: try reader.required("volume", \.string), path: try reader.required("path", \.string))
    try reader.read("read_only", into: &readOnly, \.bool)
    subPath = try reader.optional("sub_path", \.string)
    try reader.read("propagation", into: &propagation)
  }
}

extension SecuritySpec {
  init(_ reader: SpecReader) throws(BerthError) {
    self.init()
    try reader.read("privileged", into: &privileged, \.bool)
    try reader.read("read_only_root_filesystem", into: &readOnlyRootFilesystem, \.bool)
    try reader.read("run_as_non_root", into: &runAsNonRoot, \.bool)
    try reader.read("no_new_privileges", into: &noNewPrivileges, \.bool)
    if let capabilities = try reader.child("capabilities") {
      try capabilities.read("add", into: &addCapabilities, SpecReader.strings)
      try capabilities.read("drop", into: &dropCapabilities, SpecReader.strings)
    }
    try reader.read("seccomp", into: &seccomp) { $0.string.map { Seccomp(text: $0) } }
    if case .file(var file) = seccomp {
      file.content = try reader.optional(Self.profileKey) { FileContent(json: $0) }
      seccomp = .file(file)
    }
    apparmor = try reader.optional("apparmor", \.string)
    maskedPaths = try reader.optional("masked_paths", SpecReader.strings)
    readonlyPaths = try reader.optional("readonly_paths", SpecReader.strings)
  }
}

extension Rlimit {
  init(_ reader: SpecReader) throws(BerthError) {
    self.init(soft: try reader.required("soft", SpecReader.limit), hard: try reader.required("hard", SpecReader.limit))
  }
}

extension LogSpec {
  init(_ reader: SpecReader) throws(BerthError) {
    self.init()
    try reader.read("max_size", into: &maxSize, SpecReader.size)
    try reader.read("max_files", into: &maxFiles, \.integer)
  }
}

extension VolumeSpec {
  init(_ reader: SpecReader) throws(BerthError) {
    self.init(name: try reader.required("name", \.string), source: try Self.source(reader))
    owner = try reader.optional("owner") { $0.string.flatMap { UserText.owner($0) } }
    mode = try reader.optional("mode") { $0.integer.flatMap { UInt32(exactly: $0) } }
  }

  private static func source(_ reader: SpecReader) throws(BerthError) -> VolumeSource {
    if let child = try reader.child("host_path") {
      var type = VolumeSource.HostPathType.unchecked
      try child.read("type", into: &type)
      return .hostPath(path: try child.required("path", \.string), type: type)
    }
    if let child = try reader.child("empty_dir") {
      let medium = try child.optional("medium", \.string)
      return .emptyDir(inMemory: medium == "memory", size: try child.optional("size", SpecReader.size))
    }
    if let child = try reader.child("persistent") { return .persistent(shared: try child.optional("name", \.string)) }
    if let child = try reader.child("config") { return .config(try FileSet(child)) }
    if let child = try reader.child("secret") { return .secret(try FileSet(child)) }
    if let child = try reader.child("image") {
      let reference = try child.required("reference", \.string)
      var policy = ImageText(reference).defaultPullPolicy
      try child.read("pull_policy", into: &policy)
      return .image(reference: reference, pullPolicy: policy)
    }
    throw SpecReader.malformed("volume")
  }
}
