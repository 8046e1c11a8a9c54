import BerthCore
import BerthNode

extension NodeAPI {
  func addRolloutRoutes(_ router: inout Router) {
    router.on("GET", "/v1/pods/{namespace}/{name}/history") { _, parameters throws(BerthError) in
      let rollout = try await node.rollout(of: try key(parameters))
      return .json([
        "revisions": .array(rollout.history),
        "held": rollout.hold.map { ["hash": .string($0.hash), "revision": .integer($0.revision.number), "reason": .string($0.reason)] }
          ?? .null,
      ])
    }
    router.on("POST", "/v1/pods/{namespace}/{name}/rollback") { request, parameters throws(BerthError) in
      var number: Int64?
      if let text = request.query["revision"] {
        guard let wanted = Int64(text), wanted > 0 else {
          throw BerthError(.invalidArgument, "roll back", text, cause: "expected the number of a revision (berth history)")
        }
        number = wanted
      }
      return .json(try await node.rollBack(try key(parameters), to: number).json(for: .shown))
    }
  }
}
