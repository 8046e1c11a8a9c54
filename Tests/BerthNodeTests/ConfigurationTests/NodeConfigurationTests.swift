import BerthCore
import BerthImages
import BerthManifest
import BerthTestSupport
import Glibc
import Testing

@testable import BerthNode

@Suite("config.toml")
struct NodeConfigurationTests {
  private func load(_ text: String) -> LoadedConfiguration {
    NodeConfiguration.load(bytes: Array(text.utf8), file: "/etc/berth/config.toml")
  }
  private func problems(_ text: String) -> [String] { load(text).diagnostics.map { "\($0.position): \($0.message)" } }

  /// Of a file in the repository.
  private func contents(_ name: String) throws -> String {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    while let last = parts.last, last != "Tests" { parts.removeLast() }
    let path = parts.dropLast().joined(separator: "/") + "/" + name
    let file = try #require(fopen(path, "rb"), "\(path)")
    defer { fclose(file) }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&buffer, 1, buffer.count, file)
    return String(decoding: buffer[..<count], as: UTF8.self)
  }

  @Test("an empty file means the defaults, and so does the default text")
  func defaults() {
    #expect(load("").configuration == NodeConfiguration())
    #expect(load(NodeConfiguration.defaultText).diagnostics == [])
    #expect(load(NodeConfiguration.defaultText).configuration == NodeConfiguration())
  }

  @Test("the default text is the repository's config.toml, to the byte")
  func repository() throws {
    #expect(try contents("config.toml") == NodeConfiguration.defaultText)
  }

  /// Tables that are written in one line.
  static let inline: Set<String> = ["prune_guard", "gc"]

  @Test("docs/config.md has every key, in a table")
  func documented() throws {
    let text = try contents("docs/config.md")
    func check(_ table: KeyTable) {
      for key in table.keys where !Self.inline.contains(key.name) {
        if case .table(let inner) = key.type {
          #expect(text.contains("`[\(key.name)]`"), "\(key.name)")
          check(inner)
        } else {
          #expect(text.contains("| `\(key.name)` |"), "\(key.name)")
        }
      }
    }
    check(ConfigurationSchema.root)
  }

  @Test("every key is in the default text")
  func complete() {
    let text = NodeConfiguration.defaultText
    func check(_ table: KeyTable) {
      for key in table.keys {
        if case .table(let inner) = key.type, !Self.inline.contains(key.name) {
          #expect(text.contains("\n[\(key.name)]\n"))
          check(inner)
        } else {
          #expect(text.contains("\n\(key.name) = ") || text.contains("\n# \(key.name) = "), "\(key.name)")
        }
      }
    }
    check(ConfigurationSchema.root)
  }

  static let full = """
    version = 1
    root = "../var"
    state = "/s"
    [node]
    name = "edge-1"
    [manifests]
    path = "./pods"
    owner = 1000
    resync_interval = "5m"
    removal_delay = "0s"
    prune_guard = { pods = 10, percent = 20 }
    [api]
    address = "berth.sock"
    gid = 27
    [runtime]
    cgroup_parent = "/berth/x/"
    seccomp_profile = "seccomp.json"
    [images]
    max_concurrent_downloads = 8
    gc = { high_percent = 90, low_percent = 70, minimum_age = "10m" }
    bundles = "images"
    [registry]
    insecure = ["10.0.0.1:5000", "r.local"]
    config_path = "certs.d"
    auth_file = "/root/.docker/config.json"
    mirrors = { "docker.io" = { endpoint = ["https://m.example", "http://n.example:80/x"] }, "*" = { endpoint = [] } }
    [logs]
    path = "logs"
    """

  @Test("every key arrives, relative paths from the file's folder")
  func values() throws {
    let configuration = try load(Self.full).get()
    #expect(configuration.root == "/etc/var")
    #expect(configuration.state == "/s")
    #expect(configuration.node.name == "edge-1")
    #expect(configuration.manifests.path == "/etc/berth/pods")
    #expect(configuration.manifests.owner == 1000)
    #expect(configuration.manifests.resyncInterval == .seconds(300))
    #expect(configuration.manifests.removalDelay == .zero)
    #expect(configuration.manifests.pruneGuard == NodeConfiguration.PruneGuard(pods: 10, percent: 20))
    #expect(configuration.api.address == "/etc/berth/berth.sock")
    #expect(configuration.api.gid == 27)
    #expect(configuration.runtime.cgroupParent == "/berth/x")
    #expect(configuration.runtime.seccompProfile == "/etc/berth/seccomp.json")
    #expect(configuration.images.maxConcurrentDownloads == 8)
    #expect(configuration.images.gc == CollectionPolicy(highPercent: 90, lowPercent: 70, minimumAge: .seconds(600)))
    #expect(configuration.images.bundles == "/etc/berth/images")
    #expect(configuration.registry.insecure == ["10.0.0.1:5000", "r.local"])
    #expect(configuration.registry.configPath == "/etc/berth/certs.d")
    #expect(configuration.registry.authFile == "/root/.docker/config.json")
    #expect(configuration.registry.mirrors == ["docker.io": ["https://m.example", "http://n.example:80/x"], "*": []])
    #expect(configuration.logsPath == "/etc/berth/logs")
    #expect(NodeConfiguration().logsPath == "/var/lib/berth/logs")
  }

  @Test("the dump of a configuration loads as the same configuration")
  func dump() throws {
    let configuration = try load(Self.full).get()
    #expect(load(configuration.dump).configuration == configuration)
    #expect(load(NodeConfiguration().dump).configuration == NodeConfiguration())
    #expect(!configuration.dump.contains("#"))
    var odd = configuration
    odd.root = "/a\"b\\c\u{1}\u{7F}é"
    #expect(load(odd.dump).configuration == odd)
  }

  @Test("errors have their line and column, all at once")
  func errors() {
    #expect(
      problems(
        "verison = 1\n[manifests]\npath = 3\nroot = \"/x\"\nresync_interval = \"500ms\"\n[api]\ngid = -1\n[rnutime]\n[registry]\ninsecure = [\"http://x\"]"
      ) == [
        "1:1: unknown key 'verison'", "3:8: 'path' must be a string, not an integer",
        "4:1: 'root' is a key of the top level, not of [manifests]",
        "5:19: 'resync_interval' must be at least 1s", "7:7: 'gid' must be from 0 to 4294967294", "8:2: unknown key 'rnutime'",
        "10:13: 'insecure' must be a registry: \"host\" or \"host:port\"",
      ])
    #expect(load("[rnutime]").diagnostics.first?.help == "did you mean [runtime]?")
    #expect(problems("version = 2") == ["1:11: 'version' must be from 1 to 1"])
    #expect(problems("= 1").count == 1)
  }

  @Test("credentials are read by registry, and kept back from the dump")
  func credentials() {
    let configuration = load("[registry.auth.\"r.local:5000\"]\nusername = \"node\"\npassword = \"s3cret\"").configuration
    #expect(configuration?.registry.auth == ["r.local:5000": .init(username: "node", password: "s3cret")])
    #expect(configuration?.registryConfiguration.credentials["r.local:5000"]?.password == "s3cret")
    #expect(configuration?.dump.contains("username = \"node\"") == true)
    #expect(configuration?.dump.contains("s3cret") == false)
    #expect(problems("[registry.auth.\"r.local\"]\npasword = \"x\"").count == 1)
  }

  @Test("the snapshotter is one of three words")
  func snapshotter() {
    #expect(load("").configuration?.snapshotter == .automatic)
    #expect(load("[snapshots]\nsnapshotter = \"copy\"").configuration?.snapshotter == .copy)
    #expect(problems("[snapshots]\nsnapshotter = \"zfs\"").count == 1)
  }

  @Test("a mirror that is no URL is refused with its place")
  func mirror() {
    #expect(
      problems("[registry.mirrors.\"docker.io\"]\nendpoint = [\"https://a\", \"ftp://b\"]")
        == ["2:26: 'endpoint' must be http or https URLs of registries"])
    #expect(problems("[registry.mirrors.\"a b\"]\nendpoint = []").count == 1)
    // A policy of a name that no reference ever has would protect nothing.
    for name in [
      "nginx", "library/nginx", "https://r.example/a", "GHCR.io/acme", "index.docker.io", "a b", "r.example/A", "r.example/", "*/a",
    ] {
      #expect(problems("[registry.policy.\"\(name)\"]\nkeys = []").count == 1, "\(name)")
    }
    for name in ["*", "ghcr.io", "localhost:5000/a", "127.0.0.1:5000", "[::1]:5000/a/b", "docker.io/library/nginx", "r.example/a__b/c-d"] {
      #expect(problems("[registry.policy.\"\(name)\"]\nkeys = []") == [], "\(name)")
    }
  }

  @Test("a configuration that is wrong is an invalid argument with its first place")
  func get() {
    let error = #expect(throws: BerthError.self) { try load("rot = 1\nstat = 2").get() }
    #expect(error?.code == .invalidArgument)
    let cause = error?.cause ?? ""
    #expect(cause.contains("/etc/berth/config.toml:1:1: error: unknown key 'rot'\nrot = 1\n^~~\nhelp: did you mean 'root'?\n"))
    #expect(cause.contains("/etc/berth/config.toml:2:1: error: unknown key 'stat'"))
  }

  @Test("a file is read with its folder made absolute; one that is named and missing is an error")
  func read() throws {
    let directory = try TemporaryDirectory()
    let folder = directory.path
    let path = try directory.write("root = \"r\"\n[node]\nname = \"n\"\n", to: "config.toml")
    let configuration = try NodeConfiguration.read(path)
    #expect(configuration.root == folder + "/r" && configuration.node.name == "n")
    #expect(!NodeConfiguration().node.name.isEmpty)
    #expect(#expect(throws: BerthError.self) { try NodeConfiguration.read(folder + "/none.toml") }?.code == .notFound)
  }
}
