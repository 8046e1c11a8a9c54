import BerthCore
import BerthImages
import BerthLinux
import BerthOCI
import BerthStore
import Glibc
import ImageFixtures
import Testing

@Suite("pulling from a registry", .enabled(if: geteuid() == 0 && RegistryServer.isAvailable, "needs root, docker-registry and skopeo"))
struct RegistryPullTests {
  let server: RegistryServer
  let fixture: ImageFixture

  init() throws {
    server = try RegistryServer()
    fixture = try ImageFixture()
  }

  private func sample(_ text: String = "hello", layers: Int = 3) throws -> ImageBuilder {
    var builder = ImageBuilder(config: ImageConfig(cmd: ["/hello"]))
    for number in 0..<layers {
      try builder.addLayer { (tar) throws(BerthError) in
        try tar.add(.file("layer-\(number)"), content: Array(String(repeating: "\(text) \(number) ", count: 10_000).utf8))
      }
    }
    return builder
  }

  /// Pushes it under `name`.
  private func push(_ builder: ImageBuilder, _ name: String, _ arguments: [String] = [], to server: RegistryServer? = nil) throws {
    let layout = fixture.directory("layout-\(UInt32.random(in: 0 ... .max))")
    try ImageBuilder.writeDirectory(builder.layout(named: "x"), to: layout)
    let host = (server ?? self.server).host
    let run = try Command.run(
      ["/usr/bin/skopeo", "copy", "-q", "--dest-tls-verify=false"] + arguments + ["oci:\(layout):x", "docker://\(host)/\(name)"])
    #expect(run.succeeded, "\(run.output)")
  }

  @Test("a tag is pulled over plain HTTP on loopback, verified and unpacked; by digest it is the same image")
  func tag() throws {
    let builder = try sample()
    try push(builder, "team/app:v1")
    let image = try fixture.pull("\(server.host)/team/app:v1")
    #expect(image.digest == builder.descriptor(named: nil).digest)
    #expect(image.layerDirectories.count == 3)
    #expect(try Files.readText("\(image.layerDirectories[2])/layer-0").hasPrefix("hello 0"))
    let pinned = try fixture.pull("\(server.host)/team/app@\(image.digest)")
    #expect(pinned.digest == image.digest && pinned.layerDirectories == image.layerDirectories)
    #expect(try fixture.service.images().map(\.requested).count == 2)
  }

  @Test("Docker schema 2 manifests are pulled")
  func schema2() throws {
    let builder = try sample()
    try push(builder, "app:docker", ["--format", "v2s2"])
    let image = try fixture.pull("\(server.host)/app:docker")
    #expect(image.chainIDs == Digest.chains(builder.config.diffIDs))
    #expect(try fixture.service.metadata.images().map(\.mediaType) == [MediaType.dockerManifest])
  }

  @Test("a multi-platform index gives this node's image; one without it says what there is")
  func multiPlatform() throws {
    let one = try sample("native")
    var two = try sample("foreign")
    two.config.platform = Platform(os: "linux", architecture: "s390x")
    let host = one.config.platform
    let entries = [two.descriptor(named: nil), one.descriptor(named: nil)]
    let index = Index(manifests: entries).encoded()
    let descriptor = Descriptor(
      mediaType: MediaType.index, digest: .sha256(of: index), size: Int64(index.count),
      annotations: ["org.opencontainers.image.ref.name": "x"])
    let layout = ImageBuilder.layout(entries: [descriptor], blobs: one.blobs + two.blobs + [ImageBuilder.blob(index)])
    try ImageBuilder.writeDirectory(layout, to: fixture.directory("multi"))
    try server.push("oci:\(fixture.directory("multi")):x", to: "multi:1", "--all")
    let image = try fixture.pull("\(server.host)/multi:1")
    #expect(image.digest == one.descriptor(named: nil).digest && image.indexDigest == descriptor.digest)
    // Pushed elsewhere, it is the one platform that is here, and that is said.
    let target = try ImageReference("\(server.host)/copy:1")
    try fixture.service.tag(try ImageReference(image.requested), as: target)
    let pushed = try fixture.service.push(target)
    #expect(pushed.digest == image.digest && pushed.leftOut == ["linux/s390x"])
    let other = try ImageService(
      root: fixture.directory("other"), workerPath: ImageFixture.worker, registry: RegistryConfiguration(),
      platform: Platform(os: "linux", architecture: "riscv64"))
    do throws(BerthError) {
      _ = try other.pull(try ImageReference("\(server.host)/multi:1"))
      Issue.record("pulled for a platform that isn't there")
    } catch { #expect(error.code == .failedPrecondition && error.cause.contains("linux/s390x") && error.cause.contains(host.description)) }
  }

  @Test("a tag, a repository and a registry that don't exist are told apart")
  func missing() throws {
    try push(try sample(), "app:v1")
    let tag = try #require(try fixture.failure("\(server.host)/app:v2"))
    #expect(tag.code == .notFound && tag.cause.contains("answered 404") && tag.cause.contains("MANIFEST_UNKNOWN"), "\(tag)")
    #expect(try fixture.failure("\(server.host)/nothing:v1")?.code == .notFound)
    let port = try RegistryServer.freePort()
    let registry = try #require(try fixture.failure("127.0.0.1:\(port)/app:v1"))
    #expect(registry.code == .unavailable && registry.cause.contains("\(port)"), "\(registry)")
  }

  @Test("bytes that the registry has wrong, too few or lost are found out, and nothing of the image stays")
  func damage() throws {
    let builder = try sample()
    try push(builder, "app:v1")
    let layer = builder.layers[1].descriptor
    let path = server.blobPath(layer.digest)
    let good = try Files.read(path)
    var wrong = good
    wrong[wrong.count / 2] ^= 0xff
    try Files.writeAtomically(wrong, to: path, mode: 0o644)
    let changed = try #require(try fixture.failure("\(server.host)/app:v1"))
    #expect(changed.code == .dataLoss && changed.cause.contains("digest mismatch: expected \(layer.digest), got sha256:"), "\(changed)")
    try Files.writeAtomically(good.dropLast(10), to: path, mode: 0o644)
    let cut = try #require(try fixture.failure("\(server.host)/app:v1"))
    #expect(cut.code == .dataLoss && cut.cause.contains("truncated"), "\(cut)")
    try Files.unlink(path)
    #expect(try fixture.failure("\(server.host)/app:v1")?.code == .notFound)
    #expect(try fixture.service.images().isEmpty)
    #expect(try Files.list(fixture.directory("root/snapshots/l")).isEmpty)
    try Files.writeAtomically(good, to: path, mode: 0o644)
    #expect(try fixture.pull("\(server.host)/app:v1").layerDirectories.count == 3)
  }

  @Test("a registry with TLS is believed by its own authority alone", .enabled(if: Command.exists("/usr/bin/openssl"), "needs openssl"))
  func privateAuthority() throws {
    let (key, certificate) = (fixture.directory("key.pem"), fixture.directory("cert.pem"))
    let made = try Command.run(
      "/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
      certificate, "-days",
      "2", "-subj", "/CN=berth test", "-addext", "subjectAltName=IP:127.0.0.1")
    #expect(made.succeeded, "\(made.output)")
    let secure = try RegistryServer(certificate: (certificate, key))
    let builder = try sample()
    try push(builder, "app:v1", to: secure)
    let trusting = try fixture.reopened(registry: RegistryConfiguration(certificateAuthorities: [secure.host: certificate]))
    #expect(try trusting.pull(try ImageReference("\(secure.host)/app:v1")).digest == builder.descriptor(named: nil).digest)
    let other = try ImageFixture()
    let error = try #require(try other.failure("\(secure.host)/app:v1"))
    #expect(error.code == .unavailable && error.cause.contains("certificate"), "\(error)")
  }

  private static let bcrypt = RegistryServer.passwordHash(of: "pass:word")

  @Test(
    "a password goes to the registry that it is for; without it the pull is refused",
    .enabled(if: Self.bcrypt != nil, "needs bcrypt in python3"))
  func basic() throws {
    let hash = try #require(Self.bcrypt)
    try fixture.directory.write("htpasswd", Array("user:\(hash)\n".utf8))
    let locked = try RegistryServer(htpasswd: fixture.directory("htpasswd"))
    let builder = try sample()
    try push(builder, "app:v1", ["--dest-creds", "user:pass:word"], to: locked)
    let error = try #require(try fixture.failure("\(locked.host)/app:v1"))
    #expect(
      error.code == .permissionDenied && error.cause.contains("none is configured") && error.cause.contains("berth login"), "\(error)")
    let credential = RegistryConfiguration.Credential(username: "user", password: "pass:word")
    let knowing = try fixture.reopened(registry: RegistryConfiguration(credentials: [locked.host: credential]))
    #expect(try knowing.pull(try ImageReference("\(locked.host)/app:v1")).digest == builder.descriptor(named: nil).digest)
    let wrong = try fixture.reopened(
      registry: RegistryConfiguration(credentials: [locked.host: .init(username: "user", password: "hunter2")]))
    do throws(BerthError) {
      _ = try wrong.pull(try ImageReference("\(locked.host)/app:v1"))
      Issue.record("pulled with the wrong password")
    } catch { #expect(error.code == .permissionDenied && !error.description.contains("hunter2")) }
  }

  @Test("ten that ask for the same image at once get it from one worker; progress is told to all")
  func shared() throws {
    try push(try sample(layers: 4), "app:v1")
    let reference = try ImageReference("\(server.host)/app:v1")
    let outcomes = Monitor<(digests: [Digest], resolved: Int)>(([], 0))
    let service = fixture.service
    let threads = try (0..<10).map { _ in
      try NativeThread.start {
        let image = try? service.pull(reference, progress: { if case .resolved = $0 { outcomes.with { $0.resolved += 1 } } })
        outcomes.with { if let image { $0.digests.append(image.digest) } }
      }
    }
    for thread in threads { thread.join() }
    let (digests, resolved) = outcomes.with { $0 }
    #expect(digests.count == 10 && Set(digests).count == 1 && resolved >= 1)
    #expect(try Files.list(fixture.directory("root/snapshots/l")).count == 4)
  }

  @Test("different images with common layers, pulled at once, unpack each layer once")
  func commonLayers() throws {
    var builders: [ImageBuilder] = []
    for number in 0..<4 {
      var builder = try sample(layers: 3)
      try builder.addLayer { (tar) throws(BerthError) in try tar.add(.file("own-\(number)"), content: [1]) }
      try push(builder, "app\(number):v1")
      builders.append(builder)
    }
    let service = fixture.service
    let host = server.host
    let images = Monitor<[Image]>([])
    let threads = try (0..<4).map { number in
      try NativeThread.start {
        if let image = try? service.pull(ImageReference("\(host)/app\(number):v1")) { images.with { $0.append(image) } }
      }
    }
    for thread in threads { thread.join() }
    #expect(images.with { $0.count } == 4)
    #expect(try Files.list(fixture.directory("root/snapshots/l")).count == 7)
  }
}
