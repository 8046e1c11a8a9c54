import BerthCore
import Testing

@testable import BerthManifest

@Suite("user_namespace in a manifest")
struct UserNamespaceDecodeTests {
  private func problems(_ line: String, network: String = "none") -> [String] {
    BerthManifestTests.problems("user_namespace = \(line)\nnetwork = \"\(network)\"\n[[container]]\nimage = \"a\"\n")
  }

  @Test(
    "what makes no sense is refused, and said to be what it is",
    arguments: [
      ("\"always\"", "'user_namespace' must be \"none\" or \"auto\""),
      ("true", "'user_namespace' must be \"none\" or \"auto\" or a table, not a boolean"),
      ("{}", "'user_namespace' needs 'uid_map'"),
      ("{ uid_map = [] }", "'uid_map' is empty"),
      ("{ uid_map = [{ container = 0, host = 1 }] }", "an id range needs 'container', 'host' and 'size'"),
      ("{ uid_map = [{ container = 1, host = 700000, size = 10 }] }", "'uid_map' maps no id 0, which sets the pod up"),
      ("{ uid_map = [{ container = 0, host = 4294967290, size = 10 }] }", "'uid_map' range 1 goes beyond the last id"),
      (
        "{ uid_map = [{ container = 0, host = 1000, size = 10 }, { container = 9, host = 5000, size = 1 }] }",
        "'uid_map' range 2 overlaps another"
      ),
      (
        "{ uid_map = [{ container = 0, host = 1000, size = 10 }, { container = 10, host = 1009, size = 1 }] }",
        "'uid_map' range 2 overlaps another"
      ),
      (
        "{ uid_map = [{ container = 0, host = 1000, size = 1 }], gid_map = [{ container = 5, host = 5, size = 1 }] }",
        "'gid_map' maps no id 0, which sets the pod up"
      ),
    ])
  func refused(line: String, expected: String) {
    #expect(problems(line).map { $0.split(separator: " ", maxSplits: 1).last.map(String.init) } == [expected])
  }

  @Test("a number that is no id and a key that is none are refused where they stand")
  func numbers() {
    #expect(problems("{ uid_map = [{ container = -1, host = 1, size = 1 }] }").first?.contains("'container' must be") == true)
    #expect(problems("{ uid_map = [{ container = 0, host = 4294967296, size = 1 }] }").first?.contains("'host' must be") == true)
    #expect(problems("{ uid_map = [{ container = 0, host = 1, size = 0 }] }").first?.contains("'size' must be") == true)
    #expect(problems("{ uid_map = [{ container = 0, hots = 1, size = 1 }] }").first?.contains("unknown key 'hots'") == true)
    let many = (0..<101).map { "{ container = \($0), host = \(1000 + $0 * 2), size = 1 }" }.joined(separator: ", ")
    #expect(problems("{ uid_map = [\(many)] }").first?.contains("more than 100 ranges") == true)
  }

  @Test("the node's namespaces and a user namespace exclude each other")
  func ofTheNode() {
    #expect(problems("\"auto\"", network: "host").first?.contains("'user_namespace' needs a network of the pod's own") == true)
    #expect(problems("\"auto\"\nhost_pid = true").first?.contains("'user_namespace' and 'host_pid' exclude each other") == true)
    #expect(problems("\"auto\"\nhost_ipc = true").first?.contains("'user_namespace' and 'host_ipc' exclude each other") == true)
    #expect(problems("\"none\"", network: "host") == [])
    let mounts =
      "mounts = [{ volume = \"v\", path = \"/v\", propagation = \"bidirectional\" }]\n[[volume]]\nname = \"v\"\nhost_path = \"/srv\"\n"
    let both = "user_namespace = \"auto\"\n[[container]]\nimage = \"a\"\n\(mounts)"
    #expect(BerthManifestTests.problems(both).first?.contains("propagation \"bidirectional\" exclude each other") == true)
  }

  @Test("each form arrives in the spec and comes back from its JSON; groups are as users where nothing else is said")
  func forms() throws {
    let users = IDRange(container: 0, host: 700_000, size: 65_536)
    for (line, expected) in [
      ("\"none\"", UserNamespace.none), ("\"auto\"", .auto),
      ("{ uid_map = [{ container = 0, host = 700000, size = 65536 }] }", .mapped(uids: [users], gids: [users])),
      (
        "{ uid_map = [{ container = 0, host = 700000, size = 65536 }], gid_map = [{ container = 0, host = 1, size = 1 }] }",
        .mapped(uids: [users], gids: [IDRange(container: 0, host: 1, size: 1)])
      ),
    ] {
      let spec = try #require(decode("user_namespace = \(line)\nnetwork = \"none\"\n[[container]]\nimage = \"a\"\n").spec, "\(line)")
      #expect(spec.userNamespace == expected)
      #expect(try PodSpec(json: JSON(parsing: spec.json(for: .record).encoded())) == spec)
    }
  }
}
