import Testing

@testable import BerthManifest

/// What people write who know other tools, or TOML by hearsay: each is told where, what was expected and what to write.
@Suite("Manifests in others' words")
struct ForeignManifestTests {
  private static let container = "[[container]]\nimage = \"a:1\"\n"

  /// `line:column: message | help`.
  private func said(_ text: String, file: String = "/m/web.toml") -> [String] {
    decode(text, file: file).diagnostics.map { diagnostic in
      "\(diagnostic.position): \(diagnostic.message)" + (diagnostic.help.map { " | \($0)" } ?? "")
    }
  }

  @Test(
    "keys of Kubernetes, Compose and Quadlet",
    arguments: [
      ("apiVersion = \"v1\"\n" + container, ["1:1: unknown key 'apiVersion' | leave it out: every manifest is a pod"]),
      (
        "[metadata]\nname = \"web\"\n[spec]\n[[spec.containers]]\nimage = \"a\"\n",
        [
          "1:2: unknown key 'metadata' | write what is in it at the top of the file, containers as [[container]]",
          "3:2: unknown key 'spec' | write what is in it at the top of the file, containers as [[container]]",
        ]
      ),
      ("[[containers]]\nimage = \"a\"\n", ["1:3: unknown key 'containers' | did you mean [[container]]?"]),
      (
        "[services.web]\nimage = \"a\"\n",
        ["1:2: unknown key 'services' | write a manifest for each service, or a [[container]] each for those that share a pod"]
      ),
      ("network_mode = \"host\"\n" + container, ["1:1: unknown key 'network_mode' | write 'network'"]),
      (
        container + "network_mode = \"host\"\n",
        ["3:1: unknown key 'network_mode' | write 'network', a key of the pod: above the first table"]
      ),
      (
        "terminationGracePeriodSeconds = 30\n" + container,
        [
          "1:1: unknown key 'terminationGracePeriodSeconds' | did you mean 'termination_grace_period'?"
        ]
      ),
      (container + "volumes = [\"d:/d\"]\n", ["3:1: unknown key 'volumes' | write 'mounts'"]),
      (container + "mem_limit = \"1g\"\n", ["3:1: unknown key 'mem_limit' | write 'resources.memory'"]),
      (container + "cap_add = []\n", ["3:1: unknown key 'cap_add' | write 'security.capabilities.add'"]),
      (
        container + "environment = {}\nentrypoint = []\n",
        [
          "3:1: unknown key 'environment' | write 'env'", "4:1: unknown key 'entrypoint' | write 'command'",
        ]
      ),
      (
        container + "[container.resources.limits]\ncpu = 1\n",
        [
          "3:22: unknown key 'limits' | write what is in it directly below 'resources'"
        ]
      ),
      (container + "[[volume]]\nname = \"d\"\n[volume.emptyDir]\n", ["5:9: unknown key 'emptyDir' | did you mean [volume.empty_dir]?"]),
      (
        container + "[[container.ports]]\ncontainer = 80\nhostPort = 8080\nprotocol = \"TCP\"\n",
        [
          "5:1: unknown key 'hostPort' | write 'host'", "6:12: 'protocol' must be \"tcp\", \"udp\" or \"sctp\" | did you mean \"tcp\"?",
        ]
      ),
    ])
  func keys(text: String, expected: [String]) { #expect(said(text) == expected) }

  @Test(
    "values of others",
    arguments: [
      ("restart_policy = \"unless-stopped\"", "did you mean \"always\"?"),
      ("update = { strategy = \"RollingUpdate\" }", "did you mean \"start-first\"?"),
      ("restart_policy = \"OnFailure\"", "did you mean \"on-failure\"?"),
      ("name = \"Web_Server\"", "did you mean \"web-server\"?"), ("name = \"-\"", nil), ("suspend = \"true\"", "write true without quotes"),
      ("resources = { memory = \"1Gi\" }", "write \"1GiB\""), ("resources = { memory = \"512mb\" }", "write \"512MB\""),
      ("resources = { memory = \"512m\" }", "write \"512MiB\", or \"512MB\" for powers of ten"),
      ("resources = { memory = \"much\" }", nil), ("resources = { memory = \"1.0000001G\" }", nil),
      ("resources = { cpu = \"1.5\" }", "write 1.5 without quotes"), ("resources = { cpu = \"1,5\" }", nil),
      ("resources = { pids = \"100\" }", "write 100 without quotes"), ("termination_grace_period = 1.5", "write \"1.5s\""),
      ("labels = [\"a=b\", \"c=d\"]", "write { a = \"b\", … }"), ("labels = [{ name = \"a\", value = \"b\" }]", "write { a = \"b\" }"),
      ("labels = [\"a b\"]", "write { NAME = \"value\" }"),
    ] as [(String, String?)])
  func values(line: String, help: String?) {
    let found = decode(line + "\n" + Self.container).diagnostics
    #expect(found.count == 1 && found.first?.position.line == 1)
    #expect(found.first?.help == help)
  }

  @Test(
    "a command line is taken apart where that is safe",
    arguments: [
      ("command = \"nginx -g daemon\"", "write [\"nginx\", \"-g\", \"daemon\"]"),
      ("command = \"echo $A | wc\"", "write [\"sh\", \"-c\", \"…\"] for a shell's command line"), ("args = \"a 'b c'\"", "write [\"…\"]"),
      ("security = { capabilities = { add = [\"CAP_NET_ADMN\"] } }", "did you mean 'NET_ADMIN'?"),
      ("[[volume]]\nname = \"v\"\nhost_path = { path = \"/x\", type = \"dir\" }", "did you mean \"directory\"?"),
    ])
  func containerValues(line: String, help: String) { #expect(decode(Self.container + line).diagnostics.map(\.help) == [help]) }

  @Test("a pod without a container, and a file whose name is none")
  func whole() {
    #expect(said("") == ["1:1: a pod needs at least one [[container]] | write [[container]], and below it image = \"…\""])
    #expect(said(Self.container, file: "/m/My_App.toml") == ["1:1: the file's name 'My_App' is no valid pod name | set name = \"my-app\""])
    #expect(
      said("[[volume]]\nname = \"d\"\n" + Self.container) == [
        "1:1: a volume needs one of host_path, empty_dir, persistent, config, secret, image"
      ])
  }

  @Test(
    "TOML as others write it",
    arguments: [
      ("name: web", "1:5: expected '=' after the key, found ':': TOML writes key = value"),
      ("a = \u{201C}b\u{201D}", "1:5: expected a value, found '\u{201C}': strings are in straight quotes"),
      ("a = { b = 1, }", "1:14: an inline table has no comma after its last entry"),
      ("a = yes", "1:5: no valid value: 'yes'; write true, or quotes around a string"),
      ("a = True", "1:5: no valid value: 'True'; write true"),
      ("a = 1\nb = 2\na = 3", "3:1: 'a' is set twice | it stands on line 1 already"),
      ("[x]\n[y]\n[x]", "3:2: table 'x' is defined twice | it stands on line 1 already"),
    ])
  func syntax(text: String, expected: String) { #expect(said(text).contains(expected), "\(said(text))") }
}
