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
