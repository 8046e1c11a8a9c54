import BerthCore

/// A layer in terms of what it is stacked on.
public struct LayerClaim: Sendable, Equatable {
  public var chain: Digest
  public var diff: Digest
  public var parent: Digest?

  public init(chain: Digest, diff: Digest, parent: Digest?) {
    self.chain = chain
    self.diff = diff
    self.parent = parent
  }
}

/// The daemon's answer for one layer.
public struct LayerGrant: Sendable, Equatable {
  /// The name of its directory.
  public var id: Int64
  /// Unpacked already; else the worker that got this grant unpacks it.
  public var isReady: Bool

  static func json(_ grants: [LayerGrant]) -> JSON {
    let list = grants.map { JSON.object(["id": .integer($0.id), "ready": .bool($0.isReady)]) }
    return ["type": "claimed", "layers": .array(list)]
  }

  static func list(_ json: JSON) throws(BerthError) -> [LayerGrant] {
    guard json["type"]?.string == "claimed", let items = json["layers"]?.array else {
      throw WorkerProtocol.malformed("the daemon's answer to a claim is malformed")
    }
    return items.map { LayerGrant(id: $0["id"]?.integer ?? 0, isReady: $0["ready"]?.bool ?? false) }
  }
}
