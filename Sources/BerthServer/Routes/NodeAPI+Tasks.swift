import BerthCore
import BerthNode

/// Tasks: the running side of containers. Those of manifests are listed, signalled, paused and looked into like those made by hand; only
/// the latter are started and removed by hand.
extension NodeAPI {
  func addTaskRoutes(_ router: inout Router) {
    router.on("GET", "/v1/tasks") { request, _ throws(BerthError) in
      let namespace = request.query["namespace"]
      return .json(["tasks": .array(await tasks().filter { namespace == nil || $0["namespace"]?.string == namespace })])
    }
    router.on("POST", "/v1/tasks/{namespace}/{name}") { _, parameters throws(BerthError) in
      let key = try key(parameters)
      try node.startTask(key)
      return .json([:])
    }
    router.on("DELETE", "/v1/tasks/{namespace}/{name}") { request, parameters throws(BerthError) in
      try await node.removeTask(try key(parameters), force: request.flag("force"))
      return .json([:])
    }
    addTaskControl(&router)
  }

  private func addTaskControl(_ router: inout Router) {
    router.on("POST", "/v1/tasks/{namespace}/{name}/kill") { request, parameters throws(BerthError) in
      let (control, container) = try await control(request, parameters)
      let word = request.query["signal"] ?? "TERM"
      guard let signal = SignalName.number(word) else {
        throw BerthError(.invalidArgument, "signal container", word, cause: "no such signal; name one (TERM, SIGKILL) or give its number")
      }
      try await control.signal(container, signal, all: request.flag("all"))
      return .json([:])
    }
    router.on("POST", "/v1/tasks/{namespace}/{name}/pause") { request, parameters throws(BerthError) in
      try await setPaused(true, request, parameters)
    }
    router.on("POST", "/v1/tasks/{namespace}/{name}/resume") { request, parameters throws(BerthError) in
      try await setPaused(false, request, parameters)
    }
    router.on("GET", "/v1/tasks/{namespace}/{name}/processes") { request, parameters throws(BerthError) in
      let (control, container) = try await control(request, parameters)
      return .json(["pids": .array(try await control.processes(container).map { .integer(Int64($0)) })])
    }
    router.on("GET", "/v1/tasks/{namespace}/{name}/metrics") { request, parameters throws(BerthError) in
      let (control, container) = try await control(request, parameters)
      return .json(try await control.usage(container).json)
    }
  }

  private func setPaused(
    _ paused: Bool, _ request: APIRequest, _ parameters: [String: String]
  ) async throws(BerthError) -> APIResponse {
    let (control, container) = try await control(request, parameters)
    try await control.setPaused(container, paused)
    return .json([:])
  }

  /// The container that `container` names, by default the pod's first.
  private func control(
    _ request: APIRequest, _ parameters: [String: String]
  ) async throws(BerthError) -> (any ContainerControl, String) {
    let key = try key(parameters)
    let control = try await node.control(of: key)
    guard let container = request.query["container"] ?? node.statuses.status(of: key)?.containers.first?.name else {
      throw BerthError(.notFound, "find task", "\(key)", cause: "the pod has no container yet")
    }
    return (control, container)
  }

  /// One entry a container that was started.
  private func tasks() async -> [JSON] {
    var tasks: [JSON] = []
    for pod in node.statuses.all() {
      let control = try? await node.control(of: pod.key)
      for container in pod.initContainers + pod.containers where !container.id.isEmpty {
        let isPaused = container.pid == nil ? false : await control?.isPaused(container.name) ?? false
        tasks.append([
          "namespace": .string(pod.key.namespace), "pod": .string(pod.key.name), "container": .string(container.name),
          "pid": .optional(container.pid.map(Int64.init)), "exit_code": .optional(container.exitCode.map(Int64.init)),
          "state": .string(isPaused ? "paused" : container.pid != nil ? "running" : "stopped"),
          "by_hand": .bool(node.containers().contains { $0.key == pod.key }),
        ])
      }
    }
    return tasks
  }
}

extension ContainerUsage {
  fileprivate var json: JSON {
    func count(_ value: UInt64) -> JSON { .integer(Int64(clamping: value)) }
    return [
      "cpu_usage_usec": count(cpuMicroseconds), "memory_bytes": count(memoryBytes),
      "memory_limit_bytes": memoryLimitBytes.map(count) ?? .null, "pids": count(pids), "oom_kills": count(oomKills),
      "throttled_periods": count(throttledPeriods),
    ]
  }
}
