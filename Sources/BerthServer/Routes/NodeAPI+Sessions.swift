import BerthCore
import BerthNode
import BerthPods

extension NodeAPI {
  func addSessionRoutes(_ router: inout Router) {
    router.on("POST", "/v1/pods/{namespace}/{name}/exec") { request, parameters throws(BerthError) in
      let key = try key(parameters)
      let body = try request.jsonBody("exec in container")
      let socket = try await node.openExec(key, body["container"]?.string, try ExecOptions(json: body))
      return .json(["socket": .string(socket)])
    }
    router.on("POST", "/v1/pods/{namespace}/{name}/port-forward") { request, parameters throws(BerthError) in
      let body = try request.jsonBody("connect to pod")
      guard let port = body["port"]?.integer.flatMap({ UInt16(exactly: $0) }), port > 0 else {
        throw BerthError(.invalidArgument, "connect to pod", "port", cause: "expected a number from 1 to 65535")
      }
      return .json(["socket": .string(try await node.openConnection(try key(parameters), port: port, isSix: body["ipv6"]?.bool ?? false))])
    }
    router.on("GET", "/v1/usage") { request, _ throws(BerthError) in
      .json(["containers": .array(try await usage(namespace: request.query["namespace"], pod: request.query["pod"]))])
    }
    router.on("POST", "/v1/pods/{namespace}/{name}/restart") { request, parameters throws(BerthError) in
      let key = try key(parameters)
      try await node.restart(key, timeout: try request.timeout() ?? .zero)
      return .json(node.statuses.status(of: key)?.json ?? .null)
    }
    router.on("POST", "/v1/pods/{namespace}/{name}/attach") { request, parameters throws(BerthError) in
      let attachment = try await node.openAttachment(try key(parameters), try request.jsonBody("attach to container")["container"]?.string)
      return .json([
        "socket": .string(attachment.socket), "terminal": .bool(attachment.hasTerminal), "stdin": .bool(attachment.hasInput),
      ])
    }
  }

  /// What containers use now; those of one pod, or of one namespace, where it is named. Throws `.notFound` for a pod that isn't there.
  private func usage(namespace: String?, pod name: String?) async throws(BerthError) -> [JSON] {
    let pods = node.statuses.all().filter { (namespace ?? $0.key.namespace, name ?? $0.key.name) == ($0.key.namespace, $0.key.name) }
    if let name, pods.isEmpty {
      throw node.unknownPod(PodKey(namespace: namespace ?? "default", name: name), "read usage")
    }
    var containers: [JSON] = []
    for pod in pods {
      for sample in await (try? node.control(of: pod.key))?.usageSamples() ?? [] {
        guard var entry = sample.json.object else { continue }
        entry["namespace"] = .string(pod.key.namespace)
        entry["pod"] = .string(pod.key.name)
        containers.append(.object(entry))
      }
    }
    return containers
  }
}

extension APIRequest {
  /// The body as an object.
  func jsonBody(_ operation: String) throws(BerthError) -> JSON {
    do throws(JSONError) {
      let json = try JSON(parsing: body)
      if json.object != nil { return json }
    } catch { throw BerthError(.invalidArgument, operation, "body", cause: error.description) }
    throw BerthError(.invalidArgument, operation, "body", cause: "expected an object")
  }
}
