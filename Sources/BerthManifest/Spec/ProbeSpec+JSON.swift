import BerthCore

// In the manifest's words, as `PodSpec+JSON.swift`.

extension LifecycleSpec {
  func add(to members: inout SpecMembers) {
    members.add("liveness_probe", livenessProbe?.json ?? .null, isUsual: livenessProbe == nil)
    members.add("readiness_probe", readinessProbe?.json ?? .null, isUsual: readinessProbe == nil)
    members.add("startup_probe", startupProbe?.json ?? .null, isUsual: startupProbe == nil)
    members.add("post_start", postStart?.json ?? .null, isUsual: postStart == nil)
    members.add("pre_stop", preStop?.json ?? .null, isUsual: preStop == nil)
  }

  init(_ reader: SpecReader) throws(BerthError) {
    self.init()
    if let child = try reader.child("liveness_probe") { livenessProbe = try ProbeSpec(child) }
    if let child = try reader.child("readiness_probe") { readinessProbe = try ProbeSpec(child) }
    if let child = try reader.child("startup_probe") { startupProbe = try ProbeSpec(child) }
    if let child = try reader.child("post_start") { postStart = try HookSpec(child) }
    if let child = try reader.child("pre_stop") { preStop = try HookSpec(child) }
  }
}

extension ProbeSpec {
  var json: JSON {
    [
      action.kind: action.json, "initial_delay": .duration(initialDelay), "period": .duration(period), "timeout": .duration(timeout),
      "success_threshold": .integer(successThreshold), "failure_threshold": .integer(failureThreshold),
    ]
  }

  init(_ reader: SpecReader) throws(BerthError) {
    self.init(try ProbeAction(reader))
    try reader.read("initial_delay", into: &initialDelay, SpecReader.duration)
    try reader.read("period", into: &period, SpecReader.duration)
    try reader.read("timeout", into: &timeout, SpecReader.duration)
    try reader.read("success_threshold", into: &successThreshold, \.integer)
    try reader.read("failure_threshold", into: &failureThreshold, \.integer)
  }
}

extension ProbeAction {
  /// The manifest's key.
  public var kind: String {
    switch self {
    case .exec: "exec"
    case .httpGet: "http_get"
    case .tcpSocket: "tcp_socket"
    case .grpc: "grpc"
    }
  }

  var json: JSON {
    switch self {
    case .exec(let command): ["command": .strings(command)]
    case .httpGet(let get): get.json
    case .tcpSocket(let port): ["port": .integer(Int64(port))]
    case .grpc(let port, let service): ["port": .integer(Int64(port)), "service": .string(service)]
    }
  }

  init(_ reader: SpecReader) throws(BerthError) {
    if let child = try reader.child("exec") {
      self = .exec(command: try child.required("command", SpecReader.strings))
    } else if let child = try reader.child("http_get") {
      self = .httpGet(try HTTPGet(child))
    } else if let child = try reader.child("tcp_socket") {
      self = .tcpSocket(port: try child.required("port", SpecReader.port))
    } else if let child = try reader.child("grpc") {
      self = .grpc(port: try child.required("port", SpecReader.port), service: try child.optional("service", \.string) ?? "")
    } else {
      throw SpecReader.malformed(reader.path)
    }
  }
}

extension HTTPGet {
  var json: JSON {
    ["path": .string(path), "port": .integer(Int64(port)), "scheme": .string(scheme.rawValue), "headers": .strings(headers)]
  }

  init(_ reader: SpecReader) throws(BerthError) {
    self.init(port: try reader.required("port", SpecReader.port))
    try reader.read("path", into: &path, \.string)
    try reader.read("scheme", into: &scheme)
    try reader.read("headers", into: &headers, SpecReader.stringMap)
  }
}

extension HookSpec {
  var json: JSON {
    switch self {
    case .exec(let command): ["exec": ["command": .strings(command)]]
    case .httpGet(let get): ["http_get": get.json]
    case .sleep(let duration): ["sleep": .duration(duration)]
    }
  }

  init(_ reader: SpecReader) throws(BerthError) {
    if let pause = try reader.optional("sleep", SpecReader.duration) {
      self = .sleep(pause)
      return
    }
    switch try ProbeAction(reader) {
    case .exec(let command): self = .exec(command: command)
    case .httpGet(let get): self = .httpGet(get)
    case .tcpSocket, .grpc: throw SpecReader.malformed(reader.path)
    }
  }
}
