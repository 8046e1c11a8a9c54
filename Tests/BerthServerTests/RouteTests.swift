import BerthCore
import BerthLinux
import Testing

/// docs/openapi.json and the server say the same, by the sources' text.
@Suite("the API's description")
struct RouteTests {
  private static let package = Files.parent(of: Files.parent(of: Files.parent(of: #filePath)))
  private static let routes = "\(package)/Sources/BerthServer/Routes"

  /// `GET /v1/pods` of every `router.on("GET", "/v1/pods")`.
  static func routes(in text: String) -> (found: [String], calls: Int) {
    let calls = text.replacing("router.onUpload(", with: "router.on(").split(separator: "router.on(", omittingEmptySubsequences: false)
      .dropFirst()
    let found = calls.compactMap { call -> String? in
      let parts = call.split(separator: "\"", maxSplits: 4, omittingEmptySubsequences: false)
      guard parts.count > 3, parts[0].isEmpty, parts[2] == ", ", !parts[3].contains("\\") else { return nil }
      return "\(parts[1]) \(parts[3])"
    }
    return (found, calls.count)
  }

  @Test("every route of the server stands in docs/openapi.json, and the reverse")
  func complete() throws {
    var served: Set<String> = []
    for file in try Files.list(Self.routes) {
      let (found, calls) = Self.routes(in: try Files.readText("\(Self.routes)/\(file)"))
      #expect(found.count == calls, "\(file): method and path of a route are literals")
      served.formUnion(found)
    }
    let document = try JSON(parsing: Files.read("\(Self.package)/docs/openapi.json", limit: 4 << 20))
    #expect(document["openapi"]?.string == "3.1.0")
    var described: Set<String> = []
    for (path, operations) in document["paths"]?.object ?? [:] {
      for (method, _) in operations.object ?? [:] { described.insert("\(method.uppercased()) \(path)") }
    }
    #expect(served.count > 40)
    #expect(served.subtracting(described).isEmpty, "not described in docs/openapi.json")
    #expect(described.subtracting(served).isEmpty, "described, but not served")
  }

  @Test("a route that is sown is found, and one whose path isn't a literal is told of")
  func sown() {
    let text = #"router.on("GET", "/a/{b}") { _ in } ; router.on("POST", "/a/\(verb)") { _ in }"#
    let (found, calls) = Self.routes(in: text)
    #expect(found == ["GET /a/{b}"] && calls == 2)
  }
}
