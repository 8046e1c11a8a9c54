import BerthCore

extension PodDecoder {
  mutating func containers(_ spec: inout PodSpec) {
    let initContainers = root["init_container"]?.array ?? []
    let containers = root["container"]?.array ?? []
    if root["container"] == nil && !hasForeignTable || root["container"]?.array?.isEmpty == true {
      sink.error(
        "a pod needs at least one [[container]]", at: root.entry("container")?.keyRange ?? SourceRange(0, 0),
        help: "write [[container]], and below it image = \"…\"")
    }
    var names: Set<String> = []
    let defaultName = containers.count == 1 ? spec.key.name : nil
    spec.initContainers = initContainers.compactMap { container($0, isInit: true, defaultName: nil, spec, &names) }
    spec.containers = containers.compactMap { container($0, isInit: false, defaultName: defaultName, spec, &names) }
  }

  /// Whether there is a table that nobody knows, which was reported: the containers may be in there.
  private var hasForeignTable: Bool {
    root.entries.contains { ManifestSchema.pod[$0.key] == nil && ($0.value.table != nil || $0.value.array?.first?.table != nil) }
  }

  private mutating func container(
    _ value: TOMLValue, isInit: Bool, defaultName: String?, _ spec: PodSpec, _ names: inout Set<String>
  ) -> ContainerSpec? {
    guard let table = value.table else { return nil }
    let name = name(table, at: value.range, defaultName, isInit: isInit, &names)
    guard let written = table["image"] else {
      sink.error("a container needs an 'image'", at: value.range)
      return nil
    }
    let image = ImageText(written.string ?? "")
    let policy = pullPolicy(table, image)
    var container = ContainerSpec(name: name, image: image.resolved(from: folder), imagePullPolicy: policy)
    process(&container, table)
    environment(&container, table, spec)
    container.devices = devices(table)
    container.ports = ports(table, spec.network)
    container.mounts = mounts(table)
    container.resources = resources(table["resources"], isContainer: true)
    container.security = table["security"]?.table.map { security($0) } ?? SecuritySpec()
    container.rlimits = rlimits(table)
    log(&container.log, table["log"]?.table)
    container.isSidecar = isInit && table["restart_policy"]?.string == "always"
    container.lifecycle = lifecycle(table, isInit: isInit, isSidecar: container.isSidecar)
    return container
  }

  private mutating func name(
    _ table: TOMLTable, at range: SourceRange, _ defaultName: String?, isInit: Bool, _ names: inout Set<String>
  ) -> String {
    guard let value = table["name"] else {
      guard let defaultName else {
        let reason = isInit ? "an init container" : "each container, when there are several,"
        sink.error("\(reason) needs a 'name'", at: range)
        return ""
      }
      if !names.insert(defaultName).inserted {
        sink.error("there are two containers '\(defaultName)' (this one is named after the pod)", at: range, help: "set its 'name'")
      }
      return defaultName
    }
    guard let name = value.string else { return "" }
    if !names.insert(name).inserted { sink.error("there are two containers '\(name)'", at: value.range) }
    return name
  }

  private mutating func pullPolicy(_ table: TOMLTable, _ image: ImageText) -> ImagePullPolicy {
    let entry = table.entry("image_pull_policy")
    if image.transport != nil, let entry {
      sink.warning("'image_pull_policy' has no effect: a local image is never pulled", at: entry.keyRange)
      return .never
    }
    return entry?.value.string.flatMap { ImagePullPolicy(rawValue: $0) } ?? image.defaultPullPolicy
  }

  private func process(_ container: inout ContainerSpec, _ table: TOMLTable) {
    container.command = table.strings("command")
    container.args = table.strings("args")
    container.workingDir = table["working_dir"]?.string
    container.user = table["user"]?.string
    container.stopSignal = table["stop_signal"]?.string
    container.tty = table["tty"]?.boolean ?? false
    container.stdin = table["stdin"]?.boolean ?? false
    container.hasInit = table["init"]?.boolean ?? false
  }

  // MARK: security and limits

  private mutating func security(_ table: TOMLTable) -> SecuritySpec {
    var security = SecuritySpec()
    security.privileged = table["privileged"]?.boolean ?? security.privileged
    security.readOnlyRootFilesystem = table["read_only_root_filesystem"]?.boolean ?? security.readOnlyRootFilesystem
    security.runAsNonRoot = table["run_as_non_root"]?.boolean ?? security.runAsNonRoot
    security.noNewPrivileges = table["no_new_privileges"]?.boolean ?? security.noNewPrivileges
    let capabilities = table["capabilities"]?.table
    security.addCapabilities = Self.capabilities(capabilities?.strings("add"))
    security.dropCapabilities = Self.capabilities(capabilities?.strings("drop"))
    switch table["seccomp"]?.string {
    case nil, "default": security.seccomp = .default
    case "unconfined": security.seccomp = .unconfined
    case let written?:
      let path = LexicalPath.resolve(written, from: folder)
      security.seccomp = .file(ContentFile(path: path))
      if let range = table["seccomp"]?.range { references.append(ContentReference(path: path, range: range, use: .profile)) }
    }
    security.apparmor = table["apparmor"]?.string
    security.maskedPaths = table.strings("masked_paths")
    security.readonlyPaths = table.strings("readonly_paths")
    return security
  }

  /// In the order of the file, each once, without `CAP_`.
  private static func capabilities(_ names: [String]?) -> [String] {
    var known: [String] = []
    for name in names ?? [] {
      if let name = CapabilityName.normalized(name), !known.contains(name) { known.append(name) }
    }
    return known
  }

  private mutating func rlimits(_ table: TOMLTable) -> [String: Rlimit] {
    var limits: [String: Rlimit] = [:]
    for entry in table["rlimits"]?.table?.entries ?? [] {
      if let pair = entry.value.table {
        guard let soft = Self.limit(pair["soft"]), let hard = Self.limit(pair["hard"]) else {
          if pair["soft"] == nil || pair["hard"] == nil {
            sink.error("'\(entry.key)' needs 'soft' and 'hard', or one number for both", at: entry.value.range)
          }
          continue
        }
        if soft > hard { sink.error("'\(entry.key)' has a 'soft' limit above its 'hard' one", at: entry.value.range) }
        limits[entry.key] = Rlimit(soft: soft, hard: hard)
      } else if let both = Self.limit(entry.value) {
        limits[entry.key] = Rlimit(soft: both, hard: both)
      }
    }
    return limits
  }

  private static func limit(_ value: TOMLValue?) -> UInt64? {
    if value?.string == "unlimited" { return .max }
    return value?.integer.flatMap { UInt64(exactly: $0) }
  }

  private func log(_ log: inout LogSpec, _ table: TOMLTable?) {
    if let size = table?["max_size"]?.size { log.maxSize = size }
    if let count = table?["max_files"]?.integer { log.maxFiles = count }
  }
}
