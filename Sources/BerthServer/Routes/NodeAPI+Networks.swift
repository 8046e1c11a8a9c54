import BerthCore
import BerthNetwork

extension NodeAPI {
  /// The networks that pods can be on.
  func addNetworkRoutes(_ router: inout Router) {
    router.on("GET", "/v1/networks") { _, _ throws(BerthError) in
      .json(["networks": .array(try await blocking { [networks] () throws(BerthError) in networks.list() })])
    }
    router.on("GET", "/v1/networks/{name}") { _, parameters throws(BerthError) in
      let name = parameters["name"] ?? ""
      return .json(try await blocking { [networks] () throws(BerthError) in try networks.inspect(name) })
    }
  }
}
