import BerthCore

extension PodDecoder {
  mutating func userNamespace(_ spec: inout PodSpec) {
    guard let entry = root.entry("user_namespace") else { return }
    if entry.value.string == "auto" { spec.userNamespace = .auto }
    if let table = entry.value.table {
      let uids = ranges(table, "uid_map", entry.keyRange)
      let gids = table["gid_map"] == nil ? uids : ranges(table, "gid_map", entry.keyRange)
      if let uids, let gids { spec.userNamespace = .mapped(uids: uids, gids: gids) }
    }
    guard spec.userNamespace != .none else { return }
    // Namespaces of the node's belong to the node's root: from inside another user namespace their file systems can't be mounted.
    for (key, isShared) in [("host_pid", spec.hostPID), ("host_ipc", spec.hostIPC)] where isShared {
      sink.error("'user_namespace' and '\(key)' exclude each other", at: entry.keyRange)
    }
    if spec.network == .host {
      sink.error("'user_namespace' needs a network of the pod's own", at: entry.keyRange, help: "write network = \"none\"")
    }
  }

  /// Who has no rights over the node doesn't mount for it either.
  mutating func checkPropagation(_ spec: PodSpec) {
    guard spec.userNamespace != .none, let place = root.entry("user_namespace")?.keyRange else { return }
    let mounts = (spec.initContainers + spec.containers).flatMap(\.mounts)
    guard mounts.contains(where: { $0.propagation == .bidirectional }) else { return }
    sink.error("'user_namespace' and a mount with propagation \"bidirectional\" exclude each other", at: place)
  }

  private mutating func ranges(_ table: TOMLTable, _ key: String, _ place: SourceRange) -> [IDRange]? {
    guard let entry = table.entry(key) else {
      sink.error("'user_namespace' needs '\(key)'", at: place)
      return nil
    }
    var ranges: [IDRange] = []
    for item in entry.value.array ?? [] {
      let keys = ["container", "host", "size"]
      guard let table = item.table, keys.allSatisfy({ table[$0] != nil }) else {
        // What stands in their place has been told of.
        if item.table?.entries.count ?? 0 < 3 { sink.error("an id range needs 'container', 'host' and 'size'", at: item.range) }
        return nil
      }
      let numbers = keys.compactMap { table[$0]?.integer.flatMap { UInt32(exactly: $0) } }
      guard numbers.count == 3, numbers[2] > 0 else { return nil }
      ranges.append(IDRange(container: numbers[0], host: numbers[1], size: numbers[2]))
    }
    if let fault = IDRange.fault(ranges) {
      sink.error("'\(key)' \(fault)", at: entry.keyRange)
      return nil
    }
    return ranges
  }
}
