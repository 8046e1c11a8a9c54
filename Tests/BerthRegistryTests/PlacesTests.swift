import BerthArchive
import BerthCore
import BerthImages
import BerthLinux
import BerthOCI
import Glibc
import ImageFixtures
import Testing

/// An image service and what its pulls told.
private func pull(
  _ reference: String, _ configuration: RegistryConfiguration, in directory: TemporaryDirectory
) throws -> (image: Image?, error: BerthError?, attempts: [RegistryAttempt]) {
  let service = try ImageService(
    root: directory("root-\(UInt32.random(in: 0 ... .max))"), workerPath: ImageFixture.worker, registry: configuration)
  let attempts = Monitor<[RegistryAttempt]>([])
  do throws(BerthError) {
    let image = try service.pull(try ImageReference(reference)) { event in
      if case .attempt(let attempt) = event { attempts.with { $0.append(attempt) } }
    }
    return (image, nil, attempts.with { $0 })
  } catch { return (nil, error, attempts.with { $0 }) }
}

@Suite("places of a registry", .enabled(if: geteuid() == 0 && FaultyRegistry.isAvailable, "needs root, python3 and openssl"))
struct PlacesTests {
  let directory: TemporaryDirectory
  let image: ImageBuilder

  init() throws {
    directory = try TemporaryDirectory()
    image = try ImageBuilder.sample()
  }

  @Test("mirrors are tried in order, each failure is told, and the image comes from the one that has it")
  func order() throws {
    let broken = try FaultyRegistry("return Reply(500, {}, b'{}')")
    let empty = try FaultyRegistry()
    let full = try FaultyRegistry(image: image)
    var configuration = RegistryConfiguration()
    configuration.mirrors = [
      "docker.io": ["http://127.0.0.1:1", "http://\(broken.host)", "http://\(empty.host)/hub", "http://\(full.host)"]
    ]
    configuration.timeouts.pause = 1
    let (found, error, attempts) = try pull("library/app:v1", configuration, in: directory)
    #expect(found?.digest == image.descriptor(named: nil).digest, "\(error?.description ?? "")")
    #expect(found?.requested == "docker.io/library/app:v1")
    let first = attempts.prefix(3).map(\.description)
    #expect(first.count == 3 && first[0].hasPrefix("http://127.0.0.1:1/v2: ") && first[1].contains("answered 500"))
    #expect(first[2].hasPrefix("http://\(empty.host)/hub/v2: ") && first[2].contains("404"), "\(first)")
    // The mirror of several registries is told which one is meant.
    #expect(try full.requests().allSatisfy { $0.contains("ns=docker.io") })
  }

  @Test("a place that answers with something else than a manifest is passed over like one that hasn't the image")
  func pages() throws {
    let page = try FaultyRegistry("return Reply(200, {'Content-Type': 'text/html; charset=utf-8'}, b'<html>sign in</html>')")
    let other = try FaultyRegistry("return Reply(200, {'Content-Type': 'application/json'}, b'{\"status\":\"ok\"}')")
    let full = try FaultyRegistry(image: image)
    var configuration = RegistryConfiguration()
    configuration.mirrors = ["docker.io": ["http://\(page.host)", "http://\(other.host)", "http://\(full.host)"]]
    let (found, error, attempts) = try pull("library/app:v1", configuration, in: directory)
    #expect(found?.digest == image.descriptor(named: nil).digest, "\(error?.description ?? "")")
    // They have as little of the layers.
    #expect(attempts.count > 2 && attempts[0].cause.contains("text/html") && attempts[1].cause.contains("application/json"), "\(attempts)")
    let alone = try pull("\(page.host)/app:v1", RegistryConfiguration(), in: directory).error
    #expect(alone?.cause.contains("no manifest but text/html") == true, "\(alone?.description ?? "")")
  }

  @Test("a credential that is kept from another domain's token service, and one that is refused, are told apart")
  func refusedCredential() throws {
    let rule = """
      if r.path == '/token': return Reply(200, {}, b'{"token":"t"}') if not r.auth else Reply(401)
      name = 'localhost' if 'away' in r.path else '127.0.0.1'
      return Reply(401, {'WWW-Authenticate': 'Bearer realm="http://%s:%d/token",service="s"' % (name, r.ports[0])})
      """
    let registry = try FaultyRegistry(rule, image: image)
    func refusal(_ image: String, _ credentials: [String: RegistryCredential]) throws -> String {
      try pull("\(registry.host)/\(image):v1", RegistryConfiguration(credentials: credentials), in: directory).error?.cause ?? ""
    }
    let known = [registry.host: RegistryCredential(username: "own", password: "planted")]
    let away = try refusal("away", known)
    #expect(away.contains("token service localhost:\(registry.ports[0]) belongs to another domain"), "\(away)")
    let refused = try refusal("app", known)
    #expect(refused.contains("it was given the user name and password that are configured"), "\(refused)")
    let none = try refusal("app", [:])
    #expect(none.contains("berth login \(registry.host) keeps a user name"), "\(none)")
    #expect(try registry.requests().allSatisfy { !$0.contains("/away") || !$0.contains("Basic") })
  }

  @Test("a certificate or key file that is none is named")
  func certificateFiles() throws {
    try FaultyRegistry.makeCertificate(key: directory("client.key"), certificate: directory("client.cert"), name: "DNS:node")
    try FaultyRegistry.makeCertificate(key: directory("other.key"), certificate: directory("other.cert"), name: "DNS:node")
    try directory.write("garbage.pem", Array("garbage\n".utf8))
    let secure = try FaultyRegistry(image: image, tls: true)
    var configuration = RegistryConfiguration()
    configuration.hostsDirectory = directory("certs.d")
    func words(_ hosts: String) throws -> String {
      try directory.write("certs.d/_default/hosts.toml", Array("server = \"https://\(secure.host)\"\nskip_verify = true\n\(hosts)\n".utf8))
      return try pull("r.example/app:v1", configuration, in: directory).error?.description ?? ""
    }
    func path(_ name: String) -> String { "\"\(directory(name))\"" }
    for (hosts, file, cause) in [
      ("ca = \(path("garbage.pem"))", "garbage.pem", "no certificate"),
      ("client = [[\(path("garbage.pem")), \(path("client.key"))]]", "garbage.pem", "no certificate"),
      ("client = [[\(path("client.cert")), \(path("client.cert"))]]", "client.cert", "no private key"),
      ("client = [\(path("client.cert")), \(path("client.key"))]", "client.cert", "no private key"),
    ] {
      let words = try words(hosts)
      #expect(words.contains("/\(file)") && words.contains(cause), "\(words)")
    }
    let unfit = try words("client = [[\(path("client.cert")), \(path("other.key"))]]")
    #expect(unfit.contains("client certificate and key"), "\(unfit)")
  }

  @Test("where no place has it, the error names each with its reason")
  func nowhere() throws {
    let empty = try FaultyRegistry()
    var configuration = RegistryConfiguration()
    configuration.mirrors = ["*": ["http://127.0.0.1:1"]]
    let (found, error, attempts) = try pull("\(empty.host)/app:v1", configuration, in: directory)
    #expect(found == nil && attempts.count == 2 && error?.code == .notFound)
    let words = error?.description ?? ""
    #expect(words.contains("http://127.0.0.1:1/v2: ") && words.contains("http://\(empty.host)/v2: ") && words.contains("404"), "\(words)")
  }

  @Test("hosts.toml: authority, client certificate, headers and capabilities of its directory count")
  func hostsDirectory() throws {
    try FaultyRegistry.makeCertificate(key: directory("client.key"), certificate: directory("client.cert"), name: "DNS:node")
    let client = try Files.readText(directory("client.cert"))
    let secure = try FaultyRegistry(
      "if r.headers.get('X-Node') != 'edge': return Reply(400)", image: image, tls: true, clientAuthority: client)
    let silent = try FaultyRegistry(image: image)
    let folder = "certs.d/registry.example_5000_"
    try directory.write("\(folder)/ca.pem", try Files.read(secure.directory("cert.pem")))
    try directory.write(
      "\(folder)/hosts.toml",
      Array(
        """
        server = "https://127.0.0.1:1"
        [host."http://\(silent.host)"]
          capabilities = ["push"]
        [host."https://\(secure.host)"]
          ca = "ca.pem"
          client = [["\(directory("client.cert"))", "\(directory("client.key"))"]]
          [host."https://\(secure.host)".header]
            X-Node = "edge"
        """.utf8))
    var configuration = RegistryConfiguration()
    configuration.hostsDirectory = directory("certs.d")
    let (found, error, _) = try pull("registry.example:5000/team/app:v1", configuration, in: directory)
    #expect(found != nil, "\(error?.description ?? "")")
    #expect(try silent.requests().isEmpty, "a place for pushes isn't pulled from")
    // Without the authority it isn't believed, and skip_verify is the way around.
    try directory.write("certs.d/_default/hosts.toml", Array("server = \"https://\(secure.host)\"\n".utf8))
    let distrusted = try pull("other.example/app:v1", configuration, in: directory)
    #expect(distrusted.error?.cause.contains("certificate") == true, "\(distrusted.error?.description ?? "")")
    let skipping = """
      server = "https://\(secure.host)"
      skip_verify = true
      client = "both.pem"
      header = { X-Node = "edge" }
      """
    let pem = try Files.read(directory("client.cert")) + Files.read(directory("client.key"))
    try directory.write("certs.d/_default/both.pem", pem)
    try directory.write("certs.d/_default/hosts.toml", Array(skipping.utf8))
    let skipped = try pull("other.example/app:v1", configuration, in: directory)
    #expect(skipped.image != nil, "\(skipped.error?.description ?? "")")
    try directory.write("certs.d/_default/hosts.toml", Array("server = 3".utf8))
    let wrong = try pull("other.example/app:v1", configuration, in: directory)
    #expect(wrong.error?.code == .invalidArgument && wrong.error?.cause.contains("hosts.toml:1:10") == true)
  }

  @Test("a directory without hosts.toml has certificates as Docker keeps them")
  func certificatesAlone() throws {
    let secure = try FaultyRegistry(image: image, tls: true)
    try directory.write("certs.d/\(secure.host)/any.crt", try Files.read(secure.directory("cert.pem")))
    var configuration = RegistryConfiguration()
    configuration.hostsDirectory = directory("certs.d")
    let (found, error, _) = try pull("\(secure.host)/app:v1", configuration, in: directory)
    #expect(found != nil, "\(error?.description ?? "")")
  }

  @Test("B20: plain HTTP isn't fallen back to for a name that resolves to this machine")
  func plainByName() throws {
    let plain = try FaultyRegistry(image: image)
    let alias = "ip6-localhost:\(plain.ports[0])"
    let refused = try pull("\(alias)/app:v1", RegistryConfiguration(), in: directory)
    #expect(refused.image == nil && refused.error?.code == .unavailable)
    #expect(try pull("localhost:\(plain.ports[0])/app:v1", RegistryConfiguration(), in: directory).image != nil)
  }

  private static let locked = """
    if r.path.startswith('/token'): return Reply(200, {}, b'{"token":"t-%d"}' % r.server)
    if r.auth != 'Bearer t-%d' % r.server:
      return Reply(401, {'WWW-Authenticate': 'Bearer realm="http://127.0.0.1:%d/token",service="s"' % r.ports[r.server]})
    """

  @Test("B16, B19: each place gets the credential of its own name, the mirror not the registry's; tokens stay with theirs")
  func credentialsByPlace() throws {
    let mirror = try FaultyRegistry(Self.locked + "\nif 'blobs' in r.path: return error(404, 'BLOB_UNKNOWN')", image: image)
    let registry = try FaultyRegistry(Self.locked, image: image)
    var configuration = RegistryConfiguration(credentials: [
      registry.host: .init(username: "own", password: "planted-own"), "127.0.0.1": .init(username: "x", password: "planted-part"),
    ])
    configuration.mirrors = [registry.host: ["http://\(mirror.host)"]]
    let (found, error, _) = try pull("\(registry.host)/app:v1", configuration, in: directory)
    #expect(found != nil, "\(error?.description ?? "")")
    #expect(try mirror.requests().allSatisfy { !$0.contains("Basic") })
    #expect(try registry.count("/token?scope=repository%3Aapp%3Apull&service=s Basic \(Base64Text.encode("own:planted-own".utf8))") == 1)
  }

  @Test("credentials come from a Docker config.json, an identity token by POST, and from helpers")
  func dockerConfig() throws {
    let rule = """
      if r.path == '/token':
        ok = b'refresh_token=id-tok' in r.body and b'grant_type=refresh_token' in r.body if r.method == 'POST' else r.auth == 'Basic dXNlcjpwYXNz'
        return Reply(200, {}, b'{"access_token":"t"}') if ok else Reply(401)
      if r.auth != 'Bearer t': return Reply(401, {'WWW-Authenticate': 'Bearer realm="http://127.0.0.1:%d/token",service="s"' % r.ports[0]})
      """
    let registry = try FaultyRegistry(rule, image: image)
    var configuration = RegistryConfiguration()
    configuration.authFile = directory("config.json")
    func attempt(_ json: String) throws -> BerthError? {
      try directory.write("config.json", Array(json.utf8))
      return try pull("\(registry.host)/app:v1", configuration, in: directory).error
    }
    #expect(try attempt("{}")?.code == .permissionDenied)
    #expect(try attempt(#"{"auths": {"\#(registry.host)": {"auth": "dXNlcjpwYXNz"}}}"#) == nil)
    #expect(try attempt(#"{"auths": {"\#(registry.host)": {"identitytoken": "id-tok"}}}"#) == nil)
    #expect(try attempt("not json")?.code == .invalidArgument)
    let missing = try attempt(#"{"credHelpers": {"\#(registry.host)": "berth-test-missing"}}"#)
    #expect(missing?.description.contains("docker-credential-berth-test-missing") == true)
  }

  @Test("a proxy gets what its scheme and exceptions say; loopback is always asked directly")
  func proxy() throws {
    let proxy = try FaultyRegistry("if r.path.startswith('http://'): return Reply(200, {}, b'proxied')", image: image)
    var configuration = RegistryConfiguration(insecure: ["registry.invalid"])
    configuration.proxy = ProxySettings { ["http_proxy": "http://\(proxy.host)"][$0] }
    let through = try pull("registry.invalid/app:v1", configuration, in: directory)
    #expect(try proxy.count("GET http://registry.invalid/v2/app/manifests/v1") == 1, "\(through.error?.description ?? "")")
    configuration.proxy.exceptions = "registry.invalid"
    #expect(try pull("registry.invalid/app:v1", configuration, in: directory).error?.cause.contains("resolve") == true)
    #expect(try pull("\(proxy.host)/app:v1", configuration, in: directory).image != nil)
    #expect(try proxy.count("http://127") == 0)
    configuration.proxy = ProxySettings { ["http_proxy": "http://somebody:hidden@127.0.0.1:1"][$0] }
    let failed = try pull("registry.invalid/app:v1", configuration, in: directory).error?.description ?? ""
    #expect(failed.contains("proxy 127.0.0.1:1") && !failed.contains("hidden"), "\(failed)")
  }
}
