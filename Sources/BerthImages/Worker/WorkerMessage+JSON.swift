import BerthCore
import BerthOCI

extension WorkerMessage {
  public var json: JSON {
    switch self {
    case .attempt(let attempt): return ["type": "attempt", "endpoint": .string(attempt.endpoint), "cause": .string(attempt.cause)]
    case .finished: return ["type": "finished"]
    case .resolved(let resolved):
      let list = resolved.layers.map { JSON.object(["digest": .string($0.digest.description), "size": .integer($0.size)]) }
      var object: JSONObject = [
        "type": "resolved", "manifest": .string(resolved.manifest.description), "layers": .array(list),
        "signatures": .array(resolved.signatures.map(\.json)),
      ]
      if let subject = resolved.subject { object["subject"] = subject.json }
      return .object(object)
    case .claim(let claims):
      let list = claims.map {
        JSON.object([
          "chain": .string($0.chain.description), "diff": .string($0.diff.description), "parent": .optional($0.parent?.description),
        ])
      }
      return ["type": "claim", "layers": .array(list)]
    case .progress(let layer, let done, let total):
      return ["type": "progress", "layer": .string(layer.description), "done": .integer(done), "total": .integer(total)]
    case .done(let outcome):
      let list = outcome.layers.sorted { $0.key < $1.key }.map { JSON.object(["id": .integer($0.key), "size": .integer($0.value)]) }
      return [
        "type": "done", "manifest": .string(outcome.manifest.description), "media_type": .string(outcome.mediaType),
        "index": .optional(outcome.index?.description), "layers": .array(list),
      ]
    case .listing(let listing): return listing.json
    case .failed(let error):
      return [
        "type": "error", "code": .string(error.code.rawValue), "operation": .string(error.operation), "subject": .string(error.subject),
        "cause": .string(error.cause),
      ]
    }
  }

  /// The worker handled hostile bytes: what it says is checked like anything else from outside.
  public init(_ json: JSON) throws(BerthError) {
    func digest(_ json: JSON?) throws(BerthError) -> Digest {
      guard let digest = json?.string.flatMap({ Digest($0) }) else {
        throw WorkerProtocol.malformed("a message has no digest where one belongs")
      }
      return digest
    }
    func number(_ json: JSON?) throws(BerthError) -> Int64 {
      guard let number = json?.integer, number >= 0 else { throw WorkerProtocol.malformed("a message has no number where one belongs") }
      return number
    }
    let list = json["layers"]?.array ?? []
    guard list.count <= ImageLimits.layers else { throw WorkerProtocol.malformed("a message names too many layers") }
    func text(_ key: String) -> String { String((json[key]?.string ?? "").prefix(4096)) }
    switch json["type"]?.string {
    case "attempt": self = .attempt(RegistryAttempt(endpoint: text("endpoint"), cause: text("cause")))
    case "resolved":
      var layers: [Layer] = []
      for item in list {
        // Bounded, so that nobody's sums overflow.
        layers.append(Layer(digest: try digest(item["digest"]), size: min(try number(item["size"]), ImageLimits.blobBytes)))
      }
      self = .resolved(
        Resolved(
          manifest: try digest(json["manifest"]), layers: layers,
          subject: json["subject"].flatMap { try? Descriptor($0, name: "subject") },
          signatures: (json["signatures"]?.array ?? []).prefix(ImageSignature.limit).compactMap { ImageSignature($0) }))
    case "finished": self = .finished
    case "claim":
      var claims: [LayerClaim] = []
      for item in list {
        let parent = item["parent"]
        claims.append(
          LayerClaim(
            chain: try digest(item["chain"]), diff: try digest(item["diff"]),
            parent: parent == nil || parent == .null ? nil : try digest(parent)))
      }
      self = .claim(claims)
    case "progress":
      let total = min(try number(json["total"]), ImageLimits.blobBytes)
      self = .progress(layer: try digest(json["layer"]), done: min(try number(json["done"]), total), total: total)
    case "done":
      var layers: [Int64: Int64] = [:]
      for item in list { layers[try number(item["id"])] = try number(item["size"]) }
      let index = json["index"]
      self = .done(
        Outcome(
          manifest: try digest(json["manifest"]), mediaType: String((json["media_type"]?.string ?? "").prefix(255)),
          index: index == nil || index == .null ? nil : try digest(index), layers: layers))
    case "listing":
      guard let listing = ArchiveListing(json) else { throw WorkerProtocol.malformed("a listing is malformed") }
      self = .listing(listing)
    case "error":
      self = .failed(
        BerthError(ErrorCode(rawValue: text("code")) ?? .bug, text("operation"), text("subject"), cause: text("cause")))
    default: throw WorkerProtocol.malformed("a message has an unknown type")
    }
  }
}
