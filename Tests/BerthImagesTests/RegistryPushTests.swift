import BerthCore
import BerthImages
import BerthLinux
import ImageFixtures
import Testing

/// Against Debian's docker-registry with TLS and a password, and skopeo as the other reader.
@Suite(
  "pushing to docker-registry",
  .enabled(
    if: RegistryServer.isAvailable && FaultyRegistry.isAvailable && RegistryServer.passwordHash(of: "x") != nil,
    "needs docker-registry, skopeo, openssl and python3 with bcrypt"))
struct RegistryPushTests {
  let fixture: ImageFixture
  let server: RegistryServer
  let service: ImageService

  init() throws {
    fixture = try ImageFixture()
    let (key, certificate) = (fixture.directory("key.pem"), fixture.directory("cert.pem"))
    try FaultyRegistry.makeCertificate(key: key, certificate: certificate, name: "IP:127.0.0.1")
    let hash = try #require(RegistryServer.passwordHash(of: "pass:word"))
    try fixture.directory.write("htpasswd", Array("user:\(hash)\n".utf8))
    server = try RegistryServer(certificate: (certificate, key), htpasswd: fixture.directory("htpasswd"))
    var configuration = RegistryConfiguration(certificateAuthorities: [server.host: certificate])
    configuration.authFile = fixture.directory("auth.json")
    service = try fixture.reopened(registry: configuration)
  }

  private func skopeo(_ arguments: String...) throws {
    let run = try Command.run(["/usr/bin/skopeo"] + arguments)
    #expect(run.succeeded, "\(run.output)")
  }

  @Test(
    "after a login an image is pushed, read by skopeo as the same, and pulled from there; without it nothing is", arguments: [true, false])
  func push(inParts: Bool) throws {
    let image = try ImageBuilder.sample(layers: 3)
    try ImageBuilder.writeArchive(image.layout(named: nil), to: fixture.directory("a.tar"))
    let local = try ImageReference("oci-archive:\(fixture.directory("a.tar"))")
    let target = try ImageReference("\(server.host)/team/app:v1")
    _ = try service.pull(local)
    try service.tag(local, as: target)
    do throws(BerthError) {
      _ = try service.push(target)
      Issue.record("pushed without a password")
    } catch { #expect(error.code == .permissionDenied, "\(error)") }
    do throws(BerthError) {
      try service.login(server.host, .init(username: "user", password: "hunter2"))
      Issue.record("logged in with the wrong password")
    } catch {
      #expect(error.code == .permissionDenied && !error.description.contains("hunter2"), "\(error)")
      #expect(error.description.contains("wrong user name or password"), "\(error)")
    }
    try service.login(server.host, .init(username: "user", password: "pass:word"))
    let digest = try service.push(target, chunk: inParts ? 70_000 : ImageService.pushChunk).digest
    #expect(digest == image.descriptor(named: nil).digest)
    // Skopeo verifies every blob on its way.
    try skopeo(
      "copy", "-q", "--src-tls-verify=false", "--src-creds", "user:pass:word", "docker://\(server.host)/team/app:v1",
      "oci:\(fixture.directory("read")):x")
    #expect(try Files.readText(fixture.directory("read/index.json")).contains("\(digest)"))
    try service.remove(target)
    try service.remove(local)
    try service.prune()
    #expect(try service.pull(target).digest == digest)
  }
}
