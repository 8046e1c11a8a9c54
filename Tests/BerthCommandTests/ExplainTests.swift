import BerthCore
import Testing

@testable import berth

@Suite("berth explain, and verbs that take several names")
struct ExplainTests {
  @Test("what a container's line says already isn't said once more")
  func once() {
    func lines(_ message: String) -> [String] {
      Explain.chain(
        ["phase": "Pending", "message": .string(message), "containers": [["name": "web", "state": "waiting", "message": "no image"]]], nil)
    }
    #expect(!lines("container web: no image").contains { $0.hasPrefix("message:") })
    #expect(lines("no node fits").contains("message: no node fits"))
  }

  @Test("one that fails doesn't keep the others from being done; the last failure is thrown")
  func each() {
    var done: [String] = []
    let error = #expect(throws: BerthError.self) {
      try Each.of(["a", "b", "c", "d"]) { name in
        if name == "b" || name == "c" { throw BerthError(.notFound, "remove", name, cause: "gone") }
        done.append(name)
      }
    }
    #expect(done == ["a", "d"] && error?.subject == "c")
  }
}
