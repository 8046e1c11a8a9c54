import BerthCore
import BerthImages

extension NodeAPI {
  /// Images as files: export and import.
  func addArchiveRoutes(_ router: inout Router) {
    router.on("POST", "/v1/images/export") { request, _ throws(BerthError) in try await export(request) }
    router.on("POST", "/v1/images/import") { request, _ throws(BerthError) in try importImages(request) }
  }

  /// Body: `{"references": […], "format": "oci" | "docker"}`. The answer is the archive.
  private func export(_ request: APIRequest) async throws(BerthError) -> APIResponse {
    guard let body = try? JSON(parsing: request.body), let names = body["references"]?.array?.compactMap(\.string) else {
      throw BerthError(.invalidArgument, "read request", "body", cause: "expected {\"references\": […], \"format\": \"oci\"}")
    }
    var references: [ImageReference] = []
    for name in names { references.append(try ImageReference(name)) }
    let format = body["format"]?.string ?? "oci"
    let export = try await blocking { [references] () throws(BerthError) in try images.export(references, format: format) }
    return APIResponse(
      status: 200,
      body: .bytes(count: export.size) { () throws(BerthError) in
        do throws(BerthError) { return try await blocking { () throws(BerthError) in try export.next() } } catch {
          // The answer has begun, so that it can only break off.
          node.events.record("ExportFailed", "\(error)", severity: .warning)
          throw error
        }
      })
  }

  /// A line for each step, the last one `images` or `error`. The import goes on if the client goes.
  private func importImages(_ request: APIRequest) throws(BerthError) -> APIResponse {
    let naming: ImportRequest.Naming
    if let tag = request.query["tag"] {
      let name = try RegistryReference(tag)
      guard name.digest == nil else { throw BerthError(.invalidArgument, "import images", tag, cause: "a name has no digest in it") }
      naming = .tag(name)
    } else {
      naming = request.flag("names") ? .claimed : .digest
    }
    let wanted = ImportRequest(path: try request.required("path"), naming: naming, only: request.query["image"])
    let (lines, output) = AsyncStream<JSON>.makeStream(bufferingPolicy: .bufferingNewest(1024))
    try longWork.start("import images", wanted.path) { [images] in
      do throws(BerthError) {
        let imported = try images.importImages(wanted, progress: { output.yield($0.json) })
        output.yield(["images": .array(imported.map(\.json))])
      } catch { output.yield(["error": APIResponse.json(of: error)]) }
      output.finish()
    }
    return APIResponse(status: 200, body: .lines(lines))
  }
}

extension ImportedImage {
  fileprivate var json: JSON {
    ["digest": .string(digest.description), "names": .strings(names), "claimed_names": .strings(claimed)]
  }
}
