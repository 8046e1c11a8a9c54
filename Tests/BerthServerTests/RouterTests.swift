import BerthCore
import BerthManifest
import Testing

@testable import BerthServer

@Suite("requests and routes")
struct RouterTests {
  private func request(_ method: String, _ uri: String) throws -> APIRequest {
    try #require(APIRequest(method: method, uri: uri, body: []))
  }

  @Test("path and query are decoded, each by itself")
  func decoding() throws {
    let request = try request("GET", "/v1/a%2Fb//c%20d?x=1%262&flag&y=a=b&x=2")
    #expect(request.path == ["v1", "a/b", "c d"])
    #expect(request.query == ["x": "2", "flag": "", "y": "a=b"])
    #expect(try self.request("GET", "").path == [])
  }

  @Test("what can't be decoded is refused", arguments: ["/%", "/%4", "/%zz", "/%+1", "/%ff", "/a?%zz=1", "/a?b=%e"])
  func malformed(_ uri: String) {
    #expect(APIRequest(method: "GET", uri: uri, body: []) == nil)
  }

  @Test("a route takes its parameters from the path")
  func parameters() async throws {
    var router = Router()
    router.on("GET", "/v1/pods/{namespace}/{name}") { _, parameters throws(BerthError) in
      .text("\(parameters["namespace"] ?? "")+\(parameters["name"] ?? "")")
    }
    let response = await router.respond(to: try request("GET", "/v1/pods/prod/web"))
    #expect(response.status == 200)
    guard case .text(let text) = response.body else { throw BerthError(.bug, "test", cause: "no text") }
    #expect(text == "prod+web")
    #expect(router.table == ["GET /v1/pods/{namespace}/{name}"])
  }

  @Test("no such route is 404; another method names those there are; a handler's error keeps its code")
  func errors() async throws {
    var router = Router()
    router.on("GET", "/a") { _, _ throws(BerthError) in throw BerthError(.deadlineExceeded, "wait", "x", cause: "late") }
    router.on("POST", "/a") { _, _ throws(BerthError) in .text("") }
    #expect(await router.respond(to: try request("GET", "/b")).status == 404)
    let wrongMethod = await router.respond(to: try request("PUT", "/a"))
    guard case .json(let error) = wrongMethod.body else { throw BerthError(.bug, "test", cause: "no JSON") }
    #expect(error["error"]?["cause"]?.string == "this route takes GET, POST")
    let failed = await router.respond(to: try request("GET", "/a"))
    #expect(failed.status == ErrorCode.deadlineExceeded.httpStatus)
    guard case .json(let told) = failed.body else { throw BerthError(.bug, "test", cause: "no JSON") }
    #expect(told["error"]?["code"]?.string == ErrorCode.deadlineExceeded.rawValue)
  }

  @Test("a timeout is milliseconds up to a day")
  func timeout() throws {
    #expect(try request("GET", "/").timeout() == nil)
    #expect(try request("GET", "/?timeout_ms=1500").timeout() == .milliseconds(1500))
    for wrong in ["-1", "x", "86400001", "99999999999999999999"] {
      #expect(throws: BerthError.self) { try request("GET", "/?timeout_ms=\(wrong)").timeout() }
    }
  }

  @Test("a mistyped name is answered with its neighbours")
  func suggestions() {
    #expect(Suggestion.near(to: "webb", among: ["web", "db", "web-2", "other"]).first == "web")
    #expect(Suggestion.near(to: "entirely-else", among: ["web"]) == [])
  }
}
