import BerthCore
import BerthImages
import BerthLinux

extension NodeAPI {
  /// What lies below images: blobs and snapshots.
  func addContentRoutes(_ router: inout Router) {
    router.on("GET", "/v1/content") { _, _ throws(BerthError) in
      .json(["blobs": .array(try await blocking { () throws(BerthError) in try images.blobs() }.map(\.json))])
    }
    router.on("GET", "/v1/content/{digest}") { _, parameters throws(BerthError) in try await blob(parameters["digest"] ?? "") }
    router.on("POST", "/v1/content/scrub") { _, _ throws(BerthError) in
      let outcome = try await longWork.run("scrub", "") { () throws(BerthError) in try images.scrub() }
      return .json([
        "blobs": .integer(outcome.blobs), "size": .integer(outcome.size), "damaged": .strings(outcome.damaged.map(\.description)),
      ])
    }
    router.on("GET", "/v1/snapshots") { _, _ throws(BerthError) in
      .json(["snapshots": .array(try await blocking { () throws(BerthError) in try images.snapshots() }.map(\.json))])
    }
    router.on("GET", "/v1/snapshots/{key}/usage") { _, parameters throws(BerthError) in
      let key = parameters["key"] ?? ""
      let usage = try await blocking { () throws(BerthError) in try images.usage(snapshot: key) }
      return .json(["key": .string(key), "size": .integer(usage.bytes), "inodes": .integer(usage.inodes)])
    }
  }

  private func blob(_ text: String) async throws(BerthError) -> APIResponse {
    guard let digest = Digest(text) else {
      throw BerthError(.invalidArgument, "read content", text, cause: "expected sha256: and 64 hexadecimal digits")
    }
    let reader = try await blocking { () throws(BerthError) in try images.blobReader(digest) }
    return APIResponse(
      status: 200,
      body: .bytes(count: reader.size) { () throws(BerthError) in try await blocking { () throws(BerthError) in try reader.next() } })
  }
}

extension BlobInfo {
  fileprivate var json: JSON {
    [
      "digest": .string(digest.description), "size": .integer(size), "created_at": .string(Timestamp(nanoseconds: created).description),
    ]
  }
}

extension SnapshotInfo {
  fileprivate var json: JSON {
    [
      "key": .string(key), "parent": .optional(parent), "kind": .string(kind.rawValue), "size": size.map { .integer($0) } ?? .null,
    ]
  }
}
