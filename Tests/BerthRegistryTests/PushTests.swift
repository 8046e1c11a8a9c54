import BerthArchive
import BerthCore
import BerthImages
import BerthLinux
import BerthOCI
import Glibc
import ImageFixtures
import Testing

@Suite("pushing", .enabled(if: geteuid() == 0 && FaultyRegistry.isAvailable, "needs root, python3 and openssl"))
struct PushTests {
  let fixture: ImageFixture
  let source: FaultyRegistry
  let image: ImageBuilder

  init() throws {
    image = try ImageBuilder.sample()
    source = try FaultyRegistry(image: image)
    var configuration = RegistryConfiguration()
    configuration.timeouts.pause = 1
    configuration.timeouts.stall = 1
    fixture = try ImageFixture(registry: configuration)
    _ = try fixture.pull("\(source.host)/app:v1")
  }

  /// Names the pulled image for `registry` and pushes it there.
  private func push(_ registry: FaultyRegistry, _ name: String = "copy/app:v2", chunk: Int64 = ImageService.pushChunk) throws(BerthError)
    -> Digest
  {
    let target = try ImageReference("\(registry.host)/\(name)")
    try fixture.service.tag(try ImageReference("\(source.host)/app:v1"), as: target)
    return try fixture.service.push(target, chunk: chunk).digest
  }

  @Test(
    "an image is pushed in one piece or in parts, and pulled again from there as the same",
    arguments: [ImageService.pushChunk, 30_000, 200_001])
  func whole(_ chunk: Int64) throws {
    let target = try FaultyRegistry()
    let digest = try push(target, chunk: chunk)
    #expect(digest == image.descriptor(named: nil).digest)
    let parts = try target.count("PATCH")
    #expect(chunk > 200_000_000 / 1000 ? parts == 0 || chunk == 200_001 : parts >= 12, "\(parts)")
    let other = try ImageFixture()
    #expect(try other.pull("\(target.host)/copy/app:v2").digest == digest)
    // All of it is there now: only asked for, and the manifest.
    let before = try target.count("uploads")
    _ = try push(target)
    #expect(try target.count("uploads") == before)
  }

  @Test("a blob that another repository of the registry has is mounted, not sent")
  func mount() throws {
    let target = try ImageReference("\(source.host)/other/app:v1")
    try fixture.service.tag(try ImageReference("\(source.host)/app:v1"), as: target)
    // The registry of this test has one heap of blobs; told that there is none, the client has to ask for a mount.
    let strict = try FaultyRegistry("if r.method == 'HEAD': return error(404, 'BLOB_UNKNOWN')", image: image)
    let (from, to) = (try ImageReference("\(strict.host)/app:v1"), try ImageReference("\(strict.host)/other/app:v1"))
    _ = try fixture.service.pull(from)
    try fixture.service.tag(from, as: to)
    _ = try fixture.service.push(to)
    #expect(try strict.count("mount=sha256") == 3 && strict.count("from=app") == 3)
    #expect(try strict.requests().filter { $0.contains(" PUT ") }.allSatisfy { $0.contains("/manifests/") })
  }

  @Test("a part that breaks on the way goes on from where the registry is; a whole upload begins anew")
  func breaks() throws {
    let rule = """
      if r.method == 'PATCH' and r.count == 1:
        ordinary(r)
        return Reply(202, cut=0, length=5, reset=True)
      if r.method == 'GET' and 'uploads' in r.path:
        done = len(r.store.uploads[r.path.split('/')[-1]])
        return Reply(204, {'Range': '0-%d' % (done - 1)})
      if r.method == 'PUT' and 'uploads' in r.path and r.path.endswith('u0') and not r.state.get('refused'):
        r.state['refused'] = True
        return Reply(503)
      """
    for chunk in [ImageService.pushChunk, 50_000] {
      let target = try FaultyRegistry(rule)
      _ = try push(target, chunk: chunk)
      #expect(try ImageFixture().pull("\(target.host)/copy/app:v2").digest == image.descriptor(named: nil).digest)
    }
  }

  @Test(
    "what a registry may not do with a push fails it with the reason",
    arguments: [
      ("if r.method == 'POST': return Reply(307, {'Location': '/elsewhere'})", "redirects an upload"),
      ("if r.method == 'POST': return Reply(202, {'Location': 'ftp://x/y'})", "no usable place"),
      ("if r.method == 'POST': return Reply(202, {'Location': 'http://example.com/y'})", "no usable place"),
      ("if r.method == 'POST': return Reply(202)", "no usable place"), ("if r.method == 'PUT': return error(403, 'DENIED')", "DENIED"),
      ("if r.method == 'PUT' and 'manifests' in r.path: return Reply(201, {'Docker-Content-Digest': 'sha256:' + '0' * 64})", "calls it"),
      ("return Reply(401)", "401"),
    ])
  func refused(_ rule: String, _ words: String) throws {
    let target = try FaultyRegistry(rule)
    do throws(BerthError) {
      _ = try push(target)
      Issue.record("it went through")
    } catch { #expect(error.description.contains(words), "\(error)") }
  }

  @Test("an image that isn't here, or is named for no registry, isn't pushed")
  func nothing() throws {
    #expect(throws: BerthError.self) { try fixture.service.push(ImageReference("\(source.host)/none:1")) }
    #expect(throws: BerthError.self) { try fixture.service.push(ImageReference("oci:/x")) }
  }

  @Test("a login is kept once the registry has taken it, used from then on, and forgotten")
  func login() throws {
    let locked = try FaultyRegistry(
      "if r.auth != 'Basic dTpwOnc=': return Reply(401, {'WWW-Authenticate': 'Basic realm=\"x\"'})", image: image)
    var configuration = RegistryConfiguration()
    configuration.authFile = fixture.directory("auth/auth.json")
    let service = try ImageService(root: fixture.directory("two"), workerPath: ImageFixture.worker, registry: configuration)
    #expect(throws: BerthError.self) { try service.login(locked.host, .init(username: "u", password: "wrong")) }
    #expect(!Files.exists(fixture.directory("auth/auth.json")))
    try service.login(locked.host, .init(username: "u", password: "p:w"))
    #expect(try Files.status(fixture.directory("auth/auth.json")).permissions == 0o600)
    _ = try service.pull(ImageReference("\(locked.host)/app:v1"))
    #expect(try service.logout(locked.host) && !service.logout(locked.host))
    #expect(throws: BerthError.self) { try service.pull(ImageReference("\(locked.host)/app:v1")) }
  }
}
