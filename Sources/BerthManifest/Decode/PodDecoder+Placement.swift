import BerthCore

extension PodDecoder {
  /// What a pod shares with its node and its containers with each other.
  mutating func sharing(_ spec: inout PodSpec) {
    spec.hostPID = root["host_pid"]?.boolean ?? false
    spec.hostIPC = root["host_ipc"]?.boolean ?? false
    spec.sharesProcesses = root["share_process_namespace"]?.boolean ?? false
    if spec.sharesProcesses, spec.hostPID, let entry = root.entry("share_process_namespace") {
      sink.error("'share_process_namespace' and 'host_pid' exclude each other", at: entry.keyRange)
    }
    if spec.hostIPC, let size = root.entry("shm_size") {
      sink.warning("'shm_size' has no effect with host_ipc = true: /dev/shm is the node's", at: size.keyRange)
    }
    userNamespace(&spec)
    spec.fsGroup = root["fs_group"].flatMap(Self.group)
    spec.supplementalGroups = (root["supplemental_groups"]?.array ?? []).compactMap(Self.group)
  }

  private static func group(_ value: TOMLValue) -> UInt32? {
    value.integer.flatMap { UInt32(exactly: $0) }.flatMap { $0 <= UserText.highest ? $0 : nil }
  }

  /// Whether and how the pod runs on this node.
  mutating func placement(_ spec: inout PodSpec) {
    spec.nodeSelector = root.stringMap("node_selector")
    spec.suspend = root["suspend"]?.boolean ?? false
    dependencies(&spec)
    spec.activeDeadline = positive(root, "active_deadline")
    spec.ttlAfterFinished = root["ttl_after_finished"]?.duration
    spec.onDrift = root["on_drift"]?.string.flatMap { DriftPolicy(rawValue: $0) } ?? .repair
    guard let table = root["update"]?.table else { return }
    if let strategy = table["strategy"]?.string.flatMap({ UpdateSpec.Strategy(rawValue: $0) }) { spec.update.strategy = strategy }
    if let deadline = positive(table, "progress_deadline") { spec.update.progressDeadline = deadline }
    spec.update.rollback = table["rollback"]?.boolean ?? true
  }

  /// Two instances of it would run side by side for a moment: said at once where they never can.
  mutating func checkStartFirst(_ spec: PodSpec) {
    guard spec.update.strategy == .startFirst, let entry = root["update"]?.table?.entry("strategy"),
      let obstacle = spec.startFirstObstacle(to: spec)
    else { return }
    sink.warning("\"start-first\" updates like \"recreate\" here: \(obstacle)", at: entry.value.range)
  }
}
