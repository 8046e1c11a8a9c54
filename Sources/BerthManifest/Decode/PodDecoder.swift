import BerthCore

/// Builds the spec from a file that the schema was held against already: a value of a wrong type or format counts as absent here,
/// it has been reported. What is checked here needs more than one value.
struct PodDecoder {
  let root: TOMLTable
  let folder: String
  var sink: DiagnosticSink
  /// Ports of the node that the pod takes.
  var claims: [PortClaim] = []
  /// Of all containers.
  var portCount = 0
  /// Where each of the spec's dependencies stands.
  var dependencyRanges: [SourceRange] = []
  /// Files of the node that the manifest takes content from.
  var references: [ContentReference] = []

  init(root: TOMLTable, folder: String, sink: DiagnosticSink) {
    self.root = root
    self.folder = folder
    self.sink = sink
  }

  /// nil where the name or namespace isn't a label.
  func key(stem: String) -> PodKey? {
    let name = root["name"].map { $0.string ?? "" } ?? stem
    let namespace = root["namespace"].map { $0.string ?? "" } ?? "default"
    guard DNSLabel.isValid(name), DNSLabel.isValid(namespace) else { return nil }
    return PodKey(namespace: namespace, name: name)
  }

  mutating func pod(key: PodKey?, stem: String) -> PodSpec? {
    if root["name"] == nil, !DNSLabel.isValid(stem) {
      sink.error(
        "the file's name '\(stem)' is no valid pod name", at: SourceRange(0, 0),
        help: "set name = \"\(ValueHelp.label(stem) ?? "…")\"")
    }
    var spec = PodSpec(key: key ?? PodKey(namespace: "default", name: "invalid"))
    metadata(&spec)
    restart(&spec)
    schedule(&spec)
    network(&spec)
    spec.resources = resources(root["resources"], isContainer: false)
    if let size = root["shm_size"]?.size { spec.shmSize = size }
    sharing(&spec)
    placement(&spec)
    spec.volumes = volumes()
    containers(&spec)
    checkPropagation(spec)
    checkStartFirst(spec)
    return key == nil ? nil : spec
  }

  private mutating func metadata(_ spec: inout PodSpec) {
    spec.labels = root.stringMap("labels")
    spec.annotations = root.stringMap("annotations")
    guard let value = root["hostname"], let hostname = value.string else { return }
    // The kernel's __NEW_UTS_LEN.
    if hostname.utf8.count > 64 { sink.error("'hostname' must be at most 64 bytes", at: value.range) }
    spec.hostname = hostname
  }

  private mutating func restart(_ spec: inout PodSpec) {
    spec.restartPolicy = root["restart_policy"]?.string.flatMap { RestartPolicy(rawValue: $0) } ?? .always
    if let grace = root["termination_grace_period"]?.duration { spec.terminationGracePeriod = grace }
    guard let value = root["restart_backoff"], let table = value.table else { return }
    if let initial = table["initial"]?.duration { spec.restartBackoff.initial = initial }
    if let max = table["max"]?.duration { spec.restartBackoff.max = max }
    if let resetAfter = table["reset_after"]?.duration { spec.restartBackoff.resetAfter = resetAfter }
    if spec.restartBackoff.max < spec.restartBackoff.initial {
      sink.error("'restart_backoff' has a 'max' below its 'initial'", at: value.range)
    }
  }

  // MARK: shared with containers

  mutating func resources(_ value: TOMLValue?, isContainer: Bool) -> Resources {
    var resources = Resources()
    if isContainer { resources.pids = ContainerSpec.defaultPids }
    guard let value, let table = value.table else { return resources }
    resources.cpuMillicores = table["cpu"]?.cpuMillicores
    resources.memory = table["memory"]?.size
    resources.memorySwap = table["memory_swap"]?.size
    resources.pids = table["pids"]?.integer ?? resources.pids
    resources.cpuWeight = table["cpu_weight"]?.integer
    resources.cpusetCpus = table["cpuset_cpus"]?.string
    resources.ioWeight = table["io_weight"]?.integer
    for entry in table["hugepages"]?.table?.entries ?? [] {
      if let page = ByteSize(entry.key), let limit = entry.value.size { resources.hugepages[page.bytes] = limit }
    }
    if let swap = table.entry("memory_swap"), table["memory"] == nil {
      sink.error("'memory_swap' needs 'memory' beside it", at: swap.keyRange)
    }
    return resources
  }
}
