import BerthCore

extension PodDecoder {
  mutating func lifecycle(_ table: TOMLTable, isInit: Bool, isSidecar: Bool) -> LifecycleSpec {
    var lifecycle = LifecycleSpec()
    if isInit, !isSidecar {
      // Kubernetes refuses them too: it runs to completion, so nobody would ever ask.
      for name in ["liveness_probe", "readiness_probe", "startup_probe", "post_start", "pre_stop"] {
        guard let entry = table.entry(name) else { continue }
        sink.error(
          "'\(name)' of an init container needs restart_policy = \"always\": without it, it runs to completion", at: entry.keyRange)
      }
      return lifecycle
    }
    lifecycle.livenessProbe = probe(table, "liveness_probe")
    lifecycle.readinessProbe = probe(table, "readiness_probe")
    lifecycle.startupProbe = probe(table, "startup_probe")
    lifecycle.postStart = hook(table, "post_start")
    lifecycle.preStop = hook(table, "pre_stop")
    return lifecycle
  }

  private mutating func probe(_ container: TOMLTable, _ name: String) -> ProbeSpec? {
    guard let entry = container.entry(name), let table = entry.value.table else { return nil }
    guard let kind = onlyKind(table, of: ManifestSchema.probeKinds, entry) else { return nil }
    guard let action = action(kind) else { return nil }
    var probe = ProbeSpec(action)
    if let delay = table["initial_delay"]?.duration { probe.initialDelay = delay }
    if let period = positive(table, "period") { probe.period = period }
    if let timeout = positive(table, "timeout") { probe.timeout = timeout }
    if let count = table["success_threshold"]?.integer { probe.successThreshold = count }
    if let count = table["failure_threshold"]?.integer { probe.failureThreshold = count }
    if name != "readiness_probe", probe.successThreshold != 1, let value = table["success_threshold"] {
      sink.error("'success_threshold' of a \(name) must be 1", at: value.range)
    }
    return probe
  }

  private mutating func hook(_ container: TOMLTable, _ name: String) -> HookSpec? {
    guard let entry = container.entry(name), let table = entry.value.table else { return nil }
    guard let kind = onlyKind(table, of: ManifestSchema.hookKinds, entry) else { return nil }
    if kind.key == "sleep" { return kind.value.duration.map { .sleep($0) } }
    switch action(kind) {
    case .exec(let command)?: return .exec(command: command)
    case .httpGet(let get)?: return .httpGet(get)
    case .tcpSocket?, .grpc?, nil: return nil
    }
  }

  /// Exactly one of `kinds`, else an error that says so.
  private mutating func onlyKind(_ table: TOMLTable, of kinds: [String], _ entry: TOMLTable.Entry) -> TOMLTable.Entry? {
    let found = table.entries.filter { kinds.contains($0.key) }
    guard let kind = found.first else {
      sink.error("'\(entry.key)' needs one of \(kinds.joined(separator: ", "))", at: entry.keyRange)
      return nil
    }
    if found.count > 1 {
      let names = KeyType.list(found.map { "'\($0.key)'" }, "and")
      sink.error("'\(entry.key)' does one thing, this one has \(names)", at: found[1].keyRange)
    }
    return kind
  }

  private mutating func action(_ kind: TOMLTable.Entry) -> ProbeAction? {
    guard let table = kind.value.table else { return nil }
    switch kind.key {
    case "exec":
      let command = table.strings("command") ?? []
      // Of another type it has been refused already.
      if command.isEmpty, table["command"].map({ $0.array != nil }) ?? true {
        sink.error("'exec' needs a 'command' that isn't empty", at: kind.keyRange)
      }
      return .exec(command: command)
    case "http_get":
      guard let port = port(table, kind) else { return nil }
      var get = HTTPGet(port: port)
      if let value = table["path"], let path = value.string {
        if !path.hasPrefix("/") || path.utf8.contains(32) { sink.error("'path' must begin with '/' and have no space", at: value.range) }
        get.path = path
      }
      get.scheme = table["scheme"]?.string.flatMap { HTTPGet.Scheme(rawValue: $0) } ?? .http
      get.headers = table.stringMap("headers")
      return .httpGet(get)
    case "tcp_socket": return port(table, kind).map { .tcpSocket(port: $0) }
    case "grpc": return port(table, kind).map { .grpc(port: $0, service: table["service"]?.string ?? "") }
    default: return nil
    }
  }

  private mutating func port(_ table: TOMLTable, _ kind: TOMLTable.Entry) -> UInt16? {
    if table["port"] == nil { sink.error("'\(kind.key)' needs a 'port'", at: kind.keyRange) }
    return table["port"]?.integer.flatMap { UInt16(exactly: $0) }
  }

  mutating func positive(_ table: TOMLTable, _ key: String) -> Duration? {
    guard let value = table[key], let duration = value.duration else { return nil }
    if duration <= .zero { sink.error("'\(key)' must be longer than 0s", at: value.range) }
    return duration
  }
}
