import BerthCore
import BerthImages
import Testing

@Suite("hosts.toml")
struct HostsFileTests {
  private func parse(_ text: String, registry: String = "docker.io") throws -> HostsFile {
    try HostsFile(parsing: Array(text.utf8), registry: registry, file: "hosts.toml", folder: "/certs/docker.io")
  }

  @Test("hosts are tried in the order of the file, the server last")
  func order() throws {
    let file = try parse(
      """
      server = "https://registry-1.docker.io"
      [host."https://z.example:5000"]
        capabilities = ["pull", "resolve"]
        ca = "z.crt"
        [host."https://z.example:5000".header]
          x-one = "1"
          x-two = ["a", "b"]
      [host."http://a.example/mirror"]
        capabilities = ["pull"]
        client = [["/c.cert", "/c.key"], ["d", ""]]
        skip_verify = true
        dial_timeout = "3s"
      [host."https://b.example/v2/cache"]
        override_path = true
        ca = ["/one.pem", "two.pem"]
        client = "both.pem"
      """)
    #expect(file.hosts.map(\.endpoint.host) == ["z.example:5000", "a.example", "b.example"])
    #expect(file.hosts.map(\.endpoint.path) == ["/v2", "/mirror/v2", "/v2/cache"])
    #expect(file.hosts.map(\.endpoint.scheme) == [.https, .http, .https])
    #expect(file.hosts.map(\.endpoint.capabilities) == [[.pull, .resolve], .pull, .all])
    #expect(file.hosts.map(\.authorities) == [["/certs/docker.io/z.crt"], [], ["/one.pem", "/certs/docker.io/two.pem"]])
    #expect(file.hosts[0].endpoint.headers.map { "\($0.name)=\($0.value)" } == ["x-one=1", "x-two=a", "x-two=b"])
    #expect(
      file.hosts[1].endpoint.skipsVerification && file.hosts[1].client?.certificate == "/c.cert" && file.hosts[1].client?.key == "/c.key")
    #expect(file.hosts[2].client?.certificate == "/certs/docker.io/both.pem" && file.hosts[2].client?.key == nil)
    #expect(file.server.endpoint.host == "registry-1.docker.io" && file.server.endpoint.scheme == .https)
  }

  @Test("a server that is a host of the file too is asked again only for what that host isn't for")
  func serverAmongHosts() throws {
    func places(_ text: String) throws -> [RegistryEndpoint] { try parse(text, registry: "r.example").places.map(\.endpoint) }
    let host = "[host.\"https://r.example\"]\nca = \"ca.crt\"\n"
    #expect(try places("server = \"https://r.example\"\n" + host).count == 1)
    #expect(try places(host).count == 1)
    // Pushes go to the server then.
    let both = try places(host + "capabilities = [\"pull\", \"resolve\"]\n")
    #expect(both.map(\.capabilities) == [[.pull, .resolve], .push] && both.allSatisfy { $0.host == "r.example" })
    // Another place, or settings of its own.
    #expect(try places("server = \"https://r.example:8443\"\n" + host).count == 2)
    #expect(try places("server = \"https://r.example\"\nskip_verify = true\n" + host).count == 2)
    #expect(try places("[host.\"http://r.example\"]\n").count == 2)
  }

  @Test("a place that hadn't the image is told as its address and the reason")
  func attempt() { #expect("\(RegistryAttempt(endpoint: "https://a/v2", cause: "it sleeps"))" == "https://a/v2: it sleeps") }

  @Test("without a server the registry itself is last, with what the top of the file says")
  func server() throws {
    let file = try parse("ca = \"x.pem\"\nskip_verify = true\ncapabilities = [\"pull\"]\n", registry: "r.example:5000")
    #expect(file.hosts.isEmpty && file.server.endpoint.host == "r.example:5000")
    #expect(file.server.endpoint.skipsVerification && file.server.endpoint.capabilities == .pull)
    #expect(file.server.authorities == ["/certs/docker.io/x.pem"])
    #expect(try parse("").server.endpoint == RegistryEndpoint(registry: "docker.io"))
  }

  @Test(
    "a value that is wrong is named with its place",
    arguments: [
      ("server = 1", "1:10: error: 'server' must be a string"), ("server = \"ftp://x\"", "no http or https URL"),
      ("capabilities = [\"pul\"]", "1:17: error: a capability must be"), ("ca = 3", "'ca' must be a path"),
      ("[host]\n\"https://x y\" = {}", "2:1: error"), ("[host.\"https://u@x\"]", "no http or https URL"), ("host = 3", "must be a table"),
      ("[header]\n\"a b\" = \"x\"", "header's name"), ("header = { a = \"x\\r\\ny: z\" }", "one line"),
      ("skip_verify = \"yes\"", "true or false"),
      ("client = [[1]]", "a certificate's path"), ("x = [", "1:"),
    ])
  func wrong(_ text: String, _ words: String) throws {
    do throws(BerthError) {
      _ = try HostsFile(parsing: Array(text.utf8), registry: "x", file: "hosts.toml", folder: "/")
      Issue.record("accepted \(text)")
    } catch { #expect(error.code == .invalidArgument && error.cause.contains(words), "\(error)") }
  }

  @Test("any bytes are either read or refused, never a death")
  func anyBytes() {
    for seed in 0..<200 {
      let bytes = (0..<seed).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> (seed % 13)) }
      _ = try? HostsFile(parsing: bytes, registry: "x", file: "f", folder: "/")
    }
  }
}

@Suite("a Docker config.json")
struct DockerConfigTests {
  private func parse(_ text: String) throws -> DockerConfig { try DockerConfig(parsing: Array(text.utf8), file: "config.json") }

  @Test("auths are found by host, however the key is written; Docker Hub under each of its names")
  func auths() throws {
    let config = try parse(
      """
      {"auths": {"https://index.docker.io/v1/": {"auth": "dTpwOnc="}, "r.example:5000": {"username": "a", "password": "b"},
       "https://token.example": {"identitytoken": "t"}, "empty.example": {}}, "other": 1}
      """)
    let hub = DockerConfig.Answer.credential(RegistryCredential(username: "u", password: "p:w"))
    for host in ["docker.io", "registry-1.docker.io", "index.docker.io"] { #expect(try config.answers(for: host) == [hub]) }
    #expect(try config.answers(for: "r.example:5000") == [.credential(RegistryCredential(username: "a", password: "b"))])
    #expect(try config.answers(for: "token.example") == [.credential(RegistryCredential(username: "", password: "", identityToken: "t"))])
    // B19: by the exact name, never by a part of it.
    for host in ["r.example", "r.example:5001", "xr.example:5000", "empty.example", "docker.io.evil.com"] {
      #expect(try config.answers(for: host) == [], "\(host)")
    }
  }

  @Test("a registry's own helper comes before the store, and both before the file")
  func helpers() throws {
    let config = try parse(
      #"{"credHelpers": {"gcr.io": "gcloud"}, "credsStore": "pass", "auths": {"gcr.io": {"auth": "dTpw"}}}"#)
    let file = DockerConfig.Answer.credential(RegistryCredential(username: "u", password: "p"))
    #expect(try config.answers(for: "gcr.io") == [.helper(name: "gcloud", server: "gcr.io"), file])
    #expect(try config.answers(for: "docker.io") == [.helper(name: "pass", server: "https://index.docker.io/v1/")])
  }

  @Test("B21: a helper's name that leads elsewhere is refused", arguments: ["../../bin/sh", "a/b", "A", "", "a b", ".", "é", "a;b"])
  func helperName(_ name: String) {
    #expect(throws: BerthError.self) { try parse("{\"credHelpers\": {\"x\": \"\(name)\"}}").answers(for: "x") }
    if !name.isEmpty { #expect(throws: BerthError.self) { try parse("{\"credsStore\": \"\(name)\"}") } }
  }

  @Test(
    "what is no such file is refused",
    arguments: ["", "[]", "{", #"{"auths": {"x": {"auth": "%%"}}}"#, #"{"auths": {"x": {"auth": "dQ=="}}}"#])
  func wrong(_ text: String) { #expect(throws: BerthError.self) { try parse(text).answers(for: "x") } }

  @Test("a malformed entry is its own registry's trouble")
  func fault() throws {
    let config = try parse(#"{"auths": {"x": {"auth": "%%"}, "y": {"auth": "dTpw"}}, "credHelpers": {"z": "../z"}}"#)
    #expect(try config.answers(for: "y") == [.credential(RegistryCredential(username: "u", password: "p"))])
    #expect(try config.answers(for: "other") == [])
    for host in ["x", "z"] {
      do throws(BerthError) {
        _ = try config.answers(for: host)
        Issue.record("accepted \(host)")
      } catch { #expect(error.code == .invalidArgument && error.cause.contains(host), "\(error)") }
    }
  }
}
