import BerthCore
import BerthImages
import BerthNode

extension NodeAPI {
  /// Talking to registries beside pulls: pushes, and credentials.
  func addRegistryRoutes(_ router: inout Router) {
    router.on("POST", "/v1/images/push") { request, _ throws(BerthError) in try push(request) }
    router.on("POST", "/v1/registries/login") { request, _ throws(BerthError) in
      let json: JSON
      do throws(JSONError) { json = try JSON(parsing: request.body) } catch {
        throw BerthError(.invalidArgument, "read request", "body", cause: "not valid JSON: \(error)")
      }
      guard let registry = json["registry"]?.string, let username = json["username"]?.string, let password = json["password"]?.string else {
        throw BerthError(.invalidArgument, "read request", "body", cause: "it needs registry, username and password")
      }
      let credential = RegistryCredential(username: username, password: password)
      try await longWork.run("log in", registry) { () throws(BerthError) in try images.login(registry, credential) }
      return .json([:])
    }
    router.on("POST", "/v1/registries/logout") { request, _ throws(BerthError) in
      let registry = try request.required("registry")
      let wasThere = try await blocking { () throws(BerthError) in try images.logout(registry) }
      return .json(["removed": .bool(wasThere)])
    }
  }

  /// A line for each step, the last one the digest or the error.
  private func push(_ request: APIRequest) throws(BerthError) -> APIResponse {
    let reference = try Self.reference(request)
    let (lines, output) = AsyncStream<JSON>.makeStream(bufferingPolicy: .bufferingNewest(1024))
    try longWork.start("push image", reference.description) { [images] in
      do throws(BerthError) {
        let pushed = try images.push(reference) { output.yield($0.json) }
        output.yield([
          "pushed": [
            "reference": .string(reference.description), "digest": .string(pushed.digest.description), "platform": .string(pushed.platform),
            "left_out": .strings(pushed.leftOut),
          ]
        ])
      } catch { output.yield(["error": APIResponse.json(of: error)]) }
      output.finish()
    }
    return APIResponse(status: 200, body: .lines(lines))
  }
}
