import BerthCore
import Testing

@testable import BerthManifest

@Suite("What changed between two specs")
struct SpecDiffTests {
  private func changes(_ from: String, _ to: String, in text: String = DecodeTests.full) throws -> [FieldChange] {
    let old = try #require(decode(text).spec)
    let decoded = decode(text.replacing(from, with: to))
    let new = try #require(decoded.spec, "\(decoded.diagnostics.map(\.summary))")
    return SpecDiff.changes(from: old, to: new)
  }

  @Test("equal specs have no changes, also where they are spelled otherwise")
  func equal() throws {
    #expect(try changes("x", "x") == [])
    #expect(try changes("\"1m30s\"", "\"90s\"") == [])
    #expect(try changes("\"250m\"", "0.25") == [])
  }

  @Test(
    "limits, labels, restart policy, grace and log are taken over in place",
    arguments: [
      ("memory = 67108864", "memory = \"128MiB\"", "container.web.resources.memory: 64MiB → 128MiB"),
      ("cpu = 1.5, ", "", "resources.cpu: 1500m → (none)"), ("app = \"shop\"", "app = \"x\"", "labels.app: shop → x"),
      ("note = ", "nota = ", "annotations.note: two words → (none)"), ("\"on-failure\"", "\"never\"", "restart_policy: on-failure → never"),
      ("initial = \"1s\"", "initial = \"2s\"", "restart_backoff.initial: 1s → 2s"),
      ("\"1m30s\"", "\"1s\"", "termination_grace_period: 1m30s → 1s"),
      ("max_files = 2", "max_files = 3", "container.web.log.max_files: 2 → 3"),
    ])
  func inPlace(from: String, to: String, expected: String) throws {
    let changes = try changes(from, to)
    #expect(changes.first?.description == expected)
    #expect(changes.allSatisfy { $0.inPlace })
  }

  @Test(
    "everything else makes the pod anew",
    arguments: [
      ("nginx:1.27\"", "nginx:1.28\"", "container.web.image: docker.io/library/nginx:1.27 → docker.io/library/nginx:1.28"),
      ("PORT = \"8080\"", "PORT = \"81\"", "container.web.env.PORT: 8080 → 81"),
      ("network = \"host\"", "network = \"none\"", "network: host → none"),
      ("args = []", "args = [\"a\"]", "container.web.args: [] → [\"a\"]"),
      ("no_new_privileges = false", "", "container.web.security.no_new_privileges: false → true"),
      ("x = 1\\n", "x = 2", "volume.conf.config.files.a.conf: x = 1\n → x = 2"),
      ("name = \"migrate\"", "name = \"migrated\"", "init_container.migrate: a:1 → (none)"),
    ])
  func recreate(from: String, to: String, expected: String) throws {
    let changes = try changes(from, to)
    #expect(changes.first?.description == expected)
    #expect(changes.allSatisfy { !$0.inPlace })
  }

  @Test("a container that comes, goes or moves is one change each")
  func containers() throws {
    let two = "network = \"none\"\n[[container]]\nname = \"a\"\nimage = \"x\"\n[[container]]\nname = \"b\"\nimage = \"y\"\n"
    let swapped = "network = \"none\"\n[[container]]\nname = \"b\"\nimage = \"y\"\n[[container]]\nname = \"a\"\nimage = \"x\"\n"
    #expect(try changes(two, swapped, in: two).map(\.description) == ["container: a, b → b, a"])
    #expect(
      try changes("name = \"b\"", "name = \"c\"", in: two).map(\.description) == ["container.b: y → (none)", "container.c: (none) → y"])
  }
}
