import BerthCore
import BerthImages
import BerthNode

extension NodeAPI {
  func addImageRoutes(_ router: inout Router) {
    router.on("GET", "/v1/images") { _, _ throws(BerthError) in
      .json(["images": .array(try await blocking { () throws(BerthError) in try images.images() }.map(\.summary))])
    }
    router.on("GET", "/v1/images/inspect") { request, _ throws(BerthError) in
      let reference = try Self.reference(request)
      guard let image = try await blocking({ () throws(BerthError) in try images.lookup(reference) }) else {
        throw BerthError(.notFound, "find image", "\(reference)", cause: "it is not in the store; berth image pull fetches it")
      }
      return .json(image.details)
    }
    router.on("POST", "/v1/images/pull") { request, _ throws(BerthError) in try pull(request) }
    router.on("DELETE", "/v1/images") { request, _ throws(BerthError) in
      let reference = try Self.reference(request)
      try await blocking { () throws(BerthError) in try images.remove(reference) }
      return .json([:])
    }
    router.on("POST", "/v1/images/tag") { request, _ throws(BerthError) in
      let source = try Self.reference(request)
      let target = try ImageReference(try request.required("target"))
      try await blocking { () throws(BerthError) in try images.tag(source, as: target) }
      return .json(["reference": .string(target.description)])
    }
    router.on("POST", "/v1/images/pin") { request, _ throws(BerthError) in
      let reference = try Self.reference(request)
      let isPinned = request.query["pinned"] != "false"
      try await blocking { () throws(BerthError) in try images.pin(reference, isPinned) }
      return .json([:])
    }
    router.on("POST", "/v1/images/mount") { request, _ throws(BerthError) in
      let (reference, target) = (try Self.reference(request), try request.required("target"))
      try await blocking { () throws(BerthError) in try images.mount(reference, at: target) }
      return .json(["target": .string(target)])
    }
    router.on("POST", "/v1/images/unmount") { request, _ throws(BerthError) in
      let target = try request.required("target")
      try await blocking { () throws(BerthError) in try images.unmount(target) }
      return .json([:])
    }
    router.on("POST", "/v1/images/prune") { _, _ throws(BerthError) in
      .json(["freed_bytes": .integer(try await longWork.run("prune images", "") { () throws(BerthError) in try images.prune() })])
    }
  }

  static func reference(_ request: APIRequest) throws(BerthError) -> ImageReference {
    try ImageReference(try request.required("reference"))
  }

  /// A line for each step, the last one the image or the error. The pull goes on if the client goes.
  private func pull(_ request: APIRequest) throws(BerthError) -> APIResponse {
    let reference = try Self.reference(request)
    let (lines, output) = AsyncStream<JSON>.makeStream(bufferingPolicy: .bufferingNewest(1024))
    try longWork.start("pull image", reference.description) { [images] in
      do throws(BerthError) {
        let image = try images.pull(reference, progress: { output.yield($0.json) }, cancellation: nil)
        output.yield(["image": image.summary])
      } catch { output.yield(["error": APIResponse.json(of: error)]) }
      output.finish()
    }
    return APIResponse(status: 200, body: .lines(lines))
  }
}

extension APIRequest {
  /// A parameter of the query that must be there.
  func required(_ name: String) throws(BerthError) -> String {
    guard let text = query[name], !text.isEmpty else { throw BerthError(.invalidArgument, "read request", name, cause: "it is missing") }
    return text
  }
}

extension Image {
  fileprivate var summary: JSON {
    [
      "reference": .string(requested), "digest": .string(digest.description), "index_digest": .optional(indexDigest?.description),
      "platform": .string(config.platform.description), "size": .integer(size), "layers": .integer(chainIDs.count),
      "pinned": .bool(isPinned),
      "pulled_at": .string(Timestamp(nanoseconds: created &* 1_000_000_000).description),
    ]
  }

  fileprivate var details: JSON {
    var object = summary.object ?? [:]
    object["chain_ids"] = .strings(chainIDs.map(\.description))
    object["config"] = [
      "user": .string(config.user), "env": .strings(config.env), "entrypoint": .strings(config.entrypoint), "cmd": .strings(config.cmd),
      "working_dir": .string(config.workingDir), "stop_signal": .optional(config.stopSignal), "labels": .strings(config.labels),
    ]
    return .object(object)
  }
}

extension PullEvent {
  var json: JSON {
    switch self {
    case .attempt(let attempt): ["attempt": ["endpoint": .string(attempt.endpoint), "cause": .string(attempt.cause)]]
    case .resolved(let manifest, let layers):
      [
        "manifest": .string(manifest.description),
        "layers": .array(layers.map { ["digest": .string($0.digest.description), "size": .integer($0.size)] }),
      ]
    case .progress(let layer, let done, let total):
      ["layer": .string(layer.description), "done": .integer(done), "total": .integer(total)]
    }
  }
}
