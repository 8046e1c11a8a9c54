import BerthCore
import BerthLinux
import BerthNode
import BerthStore

/// Namespaces isolate the names of pods and containers. One is there while something is in it, or since somebody made it.
extension NodeAPI {
  func addNamespaceRoutes(_ router: inout Router) {
    router.on("GET", "/v1/namespaces") { _, _ throws(BerthError) in
      let made = try await blocking { () throws(BerthError) in try images.metadata.namespaces() }
      let used = members()
      let names = Set(made).union(used.keys).union(["default"])
      return .json([
        "namespaces": .array(
          names.sorted().map { name in
            [
              "name": .string(name), "pods": .integer(used[name]?.pods ?? 0), "containers": .integer(used[name]?.containers ?? 0),
            ]
          })
      ])
    }
    router.on("POST", "/v1/namespaces/{name}") { _, parameters throws(BerthError) in
      let name = try Self.namespace(parameters)
      try await blocking { () throws(BerthError) in
        do throws(BerthError) { try images.metadata.addNamespace(name, created: Clock.wallNanoseconds() / 1_000_000_000) } catch {
          guard error.code == .alreadyExists else { throw error }
          throw BerthError(.alreadyExists, "make namespace", name, cause: "it is there")
        }
      }
      return .json([:])
    }
    router.on("DELETE", "/v1/namespaces/{name}") { _, parameters throws(BerthError) in
      let name = try Self.namespace(parameters)
      if let used = members()[name] {
        throw BerthError(
          .failedPrecondition, "remove namespace", name, cause: "\(used.pods) pods and \(used.containers) containers by hand are in it")
      }
      guard try await blocking({ () throws(BerthError) in try images.metadata.removeNamespace(name) }) else {
        throw BerthError(.notFound, "remove namespace", name, cause: "there is none; berth ns ls lists them")
      }
      return .json([:])
    }
  }

  private static func namespace(_ parameters: [String: String]) throws(BerthError) -> String {
    let name = parameters["name"] ?? ""
    guard PodKey("\(name)/x") != nil else {
      throw BerthError(.invalidArgument, "find namespace", name, cause: "expected a DNS-1123 label: a-z, 0-9 and '-', at most 63")
    }
    return name
  }

  private func members() -> [String: (pods: Int, containers: Int)] {
    var members: [String: (pods: Int, containers: Int)] = [:]
    let byHand = Set(node.containers().map(\.key))
    for key in byHand { members[key.namespace, default: (0, 0)].containers += 1 }
    for pod in node.statuses.all() where !byHand.contains(pod.key) { members[pod.key.namespace, default: (0, 0)].pods += 1 }
    return members
  }
}
