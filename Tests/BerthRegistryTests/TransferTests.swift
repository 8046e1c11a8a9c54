import BerthArchive
import BerthCore
import BerthImages
import BerthLinux
import BerthOCI
import BerthTestSupport
import Glibc
import ImageFixtures
import Testing

/// How a pull deals with connections that break, stall and lie.
@Suite("transfers that go wrong", .enabled(if: geteuid() == 0 && FaultyRegistry.isAvailable, "needs root, python3 and openssl"))
struct TransferTests {
  private let image: ImageBuilder

  init() throws { image = try ImageBuilder.sample() }

  private static func configuration(_ change: (inout RegistryTimeouts) -> Void = { _ in }) -> RegistryConfiguration {
    var configuration = RegistryConfiguration()
    configuration.timeouts.pause = 1
    configuration.timeouts.stall = 1
    configuration.timeouts.head = 1000
    change(&configuration.timeouts)
    return configuration
  }

  private static func isLayer(_ image: ImageBuilder) -> String { "'\(image.layers[0].descriptor.digest)' in r.path" }

  private func pull(_ registry: FaultyRegistry, _ configuration: RegistryConfiguration = configuration()) throws -> (
    BerthError?, ImageFixture
  ) {
    let fixture = try ImageFixture(registry: configuration)
    return (try fixture.failure("\(registry.host)/app:v1"), fixture)
  }

  @Test(
    "a connection that breaks at any byte is taken up where it broke, by range or from the start",
    arguments: [(0, true), (1, true), (1000, true), (150_000, true), (1000, false), (150_000, false)])
  func resume(at cut: Int, ranges: Bool) throws {
    let registry = try FaultyRegistry(
      """
      if \(Self.isLayer(image)):
        \(ranges ? "pass" : "r.range = None")
        reply = ordinary(r)
        if r.count < 3: reply.cut, reply.reset = \(cut), r.count == 2
        return reply
      """, image: image)
    let (error, fixture) = try pull(registry)
    #expect(error == nil, "\(error?.description ?? "")")
    #expect(try fixture.service.images().map(\.digest) == [image.descriptor(named: nil).digest])
    let wanted = try registry.requests().filter { $0.contains("\(image.layers[0].descriptor.digest)") }.map {
      $0.split(separator: " ").last ?? ""
    }
    #expect(
      wanted.count >= (cut > 100_000 ? 2 : 4) && (cut == 0 || wanted.dropFirst().prefix(2).allSatisfy { $0.hasPrefix("bytes=") }),
      "\(wanted)")
  }

  @Test("a registry that goes away in the middle of a layer goes on where it was once it is back; one that stays away is given up")
  func goneForAWhile() throws {
    for (away, isBack) in [(1, true), (600, false)] {
      let registry = try FaultyRegistry(
        """
        if \(Self.isLayer(image)):
          reply = ordinary(r)
          if r.count == 0: reply.cut, reply.away = 100_000, \(away)
          return reply
        """, image: image)
      let (error, fixture) = try pull(registry, Self.configuration { $0.stall = isBack ? 60 : 1 })
      let log = try registry.requests()
      #expect((error == nil) == isBack, "\(error?.description ?? "") \(log)")
      if isBack { #expect(try registry.count("bytes=100000-") >= 1) } else { try expectNothing(of: fixture) }
    }
  }

  @Test("B01: bytes of something else, spliced in by a resumed transfer, are found out")
  func splice() throws {
    let registry = try FaultyRegistry(
      """
      if \(Self.isLayer(image)):
        reply = ordinary(r)
        if r.count == 0: reply.cut = 1000
        elif r.range: reply.body = b'x' * len(reply.body)
        return reply
      """, image: image)
    let (error, fixture) = try pull(registry)
    #expect(error?.code == .dataLoss && error?.cause.contains("digest mismatch") == true, "\(error?.description ?? "")")
    try expectNothing(of: fixture)
  }

  @Test(
    "B01: wrong, truncated and over-long bytes leave nothing, and say what they were",
    arguments: [
      ("reply.body = b'y' + reply.body[1:]", "digest mismatch"), ("reply.body = reply.body[:-7]", "truncated"),
      ("reply.body += b'z'", "too long"), ("reply.length = len(reply.body) + 5; reply.cut = len(reply.body)", ""),
      (
        "reply.headers['Content-Range'] = 'bytes 5-9/10'; reply.status = 206 if r.range else 200; reply.cut = 10", "asked for bytes from 10"
      ),
    ])
  func wrongBytes(_ fault: String, _ words: String) throws {
    let registry = try FaultyRegistry(
      "if \(Self.isLayer(image)):\n  reply = ordinary(r)\n  \(fault)\n  return reply", image: image)
    let (error, fixture) = try pull(registry)
    #expect(error != nil && error?.cause.contains(words) == true, "\(error?.description ?? "")")
    // Which of the layers it was.
    #expect(error?.description.contains(image.layers[0].descriptor.digest.description) == true, "\(error?.description ?? "")")
    try expectNothing(of: fixture)
  }

  /// Nothing visible that isn't whole.
  private func expectNothing(of fixture: ImageFixture) throws {
    let layer = image.layers[0].descriptor.digest
    #expect(try fixture.service.images().isEmpty && !Files.exists(fixture.service.path(ofBlob: layer)))
    #expect(try Files.list(fixture.directory("root/content/ingest")).isEmpty)
    #expect(try Files.list(fixture.directory("root/snapshots/l")).isEmpty)
  }

  @Test(
    "a place that stalls, drips, answers never or not at all is given up within the limits",
    arguments: [
      ("reply.stall = 10", "slow"), ("reply.pause = 1", "slow"), ("never()", "no answer within"),
      ("reply.length = 10**9; reply.cut = 5", ""),
    ])
  func slow(_ fault: String, _ words: String) throws {
    let registry = try FaultyRegistry("if 'blobs' in r.path:\n  reply = ordinary(r)\n  \(fault)\n  return reply", image: image)
    let (error, fixture) = try pull(
      registry,
      Self.configuration {
        $0.retries = 1
        $0.connect = 500
        // Else a head that never comes counts as slow.
        if fault == "never()" { $0.stall = 60 }
      })
    #expect(error != nil && error?.cause.contains(words) == true, "\(error?.description ?? "")")
    #expect(try fixture.service.images().isEmpty)
  }

  @Test("429 and trouble of the server's own are waited out, as Retry-After asks or with a back-off, and not for ever")
  func busy() throws {
    let busy = try FaultyRegistry(
      """
      if r.count == 0: return Reply(429, {'Retry-After': '1'})
      if r.count < 3: return Reply(503)
      """, image: image)
    #expect(try pull(busy).0 == nil)
    let refusing = try FaultyRegistry("return Reply(429, {'Retry-After': '3600'})")
    let (error, _) = try pull(refusing)
    #expect(error?.code == .resourceExhausted && error?.cause.contains("after 3600 s") == true, "\(error?.description ?? "")")
    #expect(try refusing.count("/manifests/v1") == 1)
    let endless = try FaultyRegistry("return Reply(503)")
    #expect(try pull(endless).0?.cause.contains("503") == true)
    #expect(try endless.count("/manifests/v1") == 5)
  }

  @Test("wrong bytes from a mirror are fetched again from the next place; a mirror that breaks hands over at the byte it broke")
  func handOver() throws {
    let digest = image.layers[0].descriptor.digest
    let liar = try FaultyRegistry(
      "if \(Self.isLayer(image)):\n  reply = ordinary(r)\n  reply.body = reply.body[::-1]\n  return reply", image: image)
    let breaking = try FaultyRegistry("if \(Self.isLayer(image)):\n  reply = ordinary(r)\n  reply.cut = 500\n  return reply", image: image)
    let good = try FaultyRegistry(image: image)
    for (mirror, isByRange) in [(liar, false), (breaking, true)] {
      var configuration = Self.configuration { $0.retries = 2 }
      configuration.mirrors = ["r.example": ["http://\(mirror.host)", "http://\(good.host)"]]
      let fixture = try ImageFixture(registry: configuration)
      #expect(try fixture.pull("r.example/app:v1").digest == image.descriptor(named: nil).digest)
      let asked = try good.requests().filter { $0.contains("\(digest)") }
      #expect(asked.count == 1 || isByRange, "\(asked)")
      #expect(asked.last?.contains("bytes=") == isByRange, "\(asked)")
    }
  }

  @Test("one layer that ten references ask for at once is fetched once")
  func once() throws {
    let registry = try FaultyRegistry("if \(Self.isLayer(image)): time.sleep(0.3)", image: image)
    let fixture = try ImageFixture()
    let service = fixture.service
    let host = registry.host
    let pulled = Monitor(0)
    let threads = try (0..<10).map { number in
      try NativeThread.start {
        if (try? service.pull(ImageReference("\(host)/app\(number):v1"))) != nil { pulled.with { $0 += 1 } }
      }
    }
    for thread in threads { thread.join() }
    #expect(pulled.with { $0 } == 10)
    for layer in image.layers { #expect(try registry.count("\(layer.descriptor.digest)") == 1) }
  }

  /// For server 0 alone.
  private func stalling(_ condition: String = "True") throws -> FaultyRegistry {
    try FaultyRegistry(
      "if r.server == 0 and \(Self.isLayer(image)) and \(condition):\n  reply = ordinary(r)\n  reply.stall = 100\n  return reply",
      image: image)
  }

  @Test("who wants a layer that a dead registry holds up gets it from another one, and the other pull goes on")
  func stalledClaim() throws {
    let registry = try stalling()
    let fixture = try ImageFixture(registry: Self.configuration { $0.stall = 600 })
    let service = fixture.service
    let cancellation = PullCancellation()
    let (host, stalled) = (registry.host(0), Monitor<BerthError?>(nil))
    let thread = try NativeThread.start {
      do throws(BerthError) { _ = try service.pull(ImageReference("\(host)/app:v1"), cancellation: cancellation) } catch {
        stalled.with { $0 = error }
      }
    }
    let layer = "\(image.layers[0].descriptor.digest)"
    try eventually("the layer is asked for") { try registry.count(layer) == 1 }
    let found = try fixture.pull("\(registry.host(1))/app:v1")
    #expect(found.digest == image.descriptor(named: nil).digest && stalled.with { $0 } == nil)
    cancellation.cancel()
    thread.join()
    #expect(stalled.with { $0?.code } == .cancelled)
    // What the other one had begun goes without what is used.
    try eventually("what was begun is gone") { try Files.list(fixture.directory("root/snapshots/l")).count == image.layers.count }
    #expect(try service.images().map(\.digest) == [found.digest])
    #expect(found.layerDirectories.allSatisfy { Files.exists($0) })
  }

  @Test("a layer that two pulls have unpacked, because one stood still for a while, is there once, and both images are")
  func unpackedTwice() throws {
    let registry = try stalling("r.count == 0")
    // Longer than a pull without progress keeps its layers for itself.
    let fixture = try ImageFixture(registry: Self.configuration { $0.stall = 8 })
    let service = fixture.service
    let (host, first) = (registry.host(0), Monitor<Image?>(nil))
    let thread = try NativeThread.start {
      let image = try? service.pull(ImageReference("\(host)/app:v1"))
      first.with { $0 = image }
    }
    let layer = "\(image.layers[0].descriptor.digest)"
    try eventually("the layer is asked for") { try registry.count(layer) == 1 }
    let second = try fixture.pull("\(registry.host(1))/app:v1")
    thread.join()
    #expect(first.with { $0?.layerDirectories } == second.layerDirectories)
    #expect(try service.images().count == 2)
    #expect(second.layerDirectories.allSatisfy { Files.exists("\($0)/layer-0") || Files.exists("\($0)/layer-1") })
    #expect(try Files.list(fixture.directory("root/snapshots/l")).count == image.layers.count)
  }

  @Test("B18: redirects keep neither credentials nor a way out of TLS; five are enough")
  func redirects() throws {
    let rule = """
      if 'go' in r.query:
        return Reply(200, {}, ordinary(r).body)
      if r.auth is None: return Reply(401, {'WWW-Authenticate': 'Basic realm="x"'})
      if 'blobs' in r.path: return Reply(307, {'Location': 'SCHEME://127.0.0.1:%d%s?go' % (r.ports[1], r.path)})
      """
    let secure = try FaultyRegistry(rule.replacing("SCHEME", with: "https"), image: image, tls: true)
    var configuration = RegistryConfiguration(credentials: [secure.host: .init(username: "u", password: "planted")])
    configuration.certificateAuthorities = [secure.host: secure.directory("cert.pem")]
    #expect(try pull(secure, configuration).0 == nil)
    #expect(try secure.requests().filter { $0.hasPrefix("1 ") }.allSatisfy { $0.contains(" None ") })
    #expect(try secure.count("1 GET") == 3)
    let downgrade = try FaultyRegistry(rule.replacing("SCHEME", with: "http"), image: image, tls: true)
    configuration = RegistryConfiguration(credentials: [downgrade.host: .init(username: "u", password: "planted")])
    configuration.certificateAuthorities = [downgrade.host: downgrade.directory("cert.pem")]
    let (error, _) = try pull(downgrade, configuration)
    #expect(error?.code == .permissionDenied && error?.cause.contains("isn't https") == true, "\(error?.description ?? "")")
    #expect(try downgrade.count("1 GET") == 0)
  }

  @Test("B22: a tag that changes between two requests is one image: what it meant at first")
  func movingTag() throws {
    let registry = try FaultyRegistry(
      """
      if r.path.endswith('/manifests/v1') and r.count > 0: return Reply(500)
      """, image: image)
    #expect(try pull(registry).0 == nil)
    #expect(try registry.count("/manifests/v1") == 1)
  }

  @Test("an index without an image for this node names what there is, or says that there is nothing")
  func unfitIndex() throws {
    let other =
      #"{"mediaType":"\#(MediaType.manifest)","digest":"\#(Digest.sha256(of: []))","size":1,"platform":{"os":"plan9","architecture":"mips"}}"#
    for (manifests, words) in [("", "the index holds none at all"), (other, "there are plan9/mips")] {
      let registry = try FaultyRegistry(
        "return Reply(200, {'Content-Type': '\(MediaType.index)'}, b'{\"schemaVersion\":2,\"manifests\":[\(manifests)]}')")
      let error = try pull(registry).0
      #expect(error?.code == .failedPrecondition && error?.cause.hasSuffix(words) == true, "\(error?.description ?? "")")
    }
  }

  @Test("B04: documents without end are cut off at their limit")
  func endless() throws {
    let registry = try FaultyRegistry("if 'manifests' in r.path: return Reply(200, {}, b'[' * 65536, endless=True)")
    #expect(try pull(registry).0?.cause.contains("larger than") == true)
    let headers = try FaultyRegistry("return Reply(200, {'X-%d' % n: 'x' * 1000 for n in range(200)}, b'{}')")
    #expect(try pull(headers).0 != nil)
    let tokens = try FaultyRegistry(
      """
      if r.path == '/t': return Reply(200, {}, b' ' * 65536, endless=True)
      return Reply(401, {'WWW-Authenticate': 'Bearer realm="http://127.0.0.1:%d/t"' % r.ports[0]})
      """)
    #expect(try pull(tokens).0 != nil)
  }

  @Test("B05: indexes that lead back to themselves, fan out or nest without end are refused after few requests")
  func amplification() throws {
    let registry = try FaultyRegistry(
      """
      if 'manifests' in r.path:
        n = int(r.path.split('/')[-1][1:3]) if r.path.endswith(':') else 0
        inner = lambda i: json.dumps({'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.index.v1+json', 'manifests': [entry(i)]}).encode()
        def entry(i):
          body = inner(i + 1) if i < 30 else b'{}'
          return {'mediaType': 'application/vnd.oci.image.index.v1+json', 'digest': digest(body), 'size': len(body)}
        if not r.state:
          for i in range(30): r.state[digest(inner(i))] = inner(i)
        body = r.state.get(r.path.split('/')[-1], inner(0))
        return Reply(200, {'Content-Type': 'application/vnd.oci.image.index.v1+json'}, body)
      """)
    let (error, _) = try pull(registry)
    #expect(error?.cause.contains("nested deeper") == true, "\(error?.description ?? "")")
    #expect(try registry.count("/manifests/") <= 6)
    let wide = try FaultyRegistry(
      """
      body = json.dumps({'schemaVersion': 2, 'manifests': [{'mediaType': 'application/vnd.oci.image.manifest.v1+json',
        'digest': 'sha256:%064x' % i, 'size': 1} for i in range(1001)]}).encode()
      return Reply(200, {'Content-Type': 'application/vnd.oci.image.index.v1+json'}, body)
      """)
    #expect(try pull(wide).0?.cause.contains("more than 1000") == true)
  }

  @Test("B03: bytes announced as one kind of document that say they are another are refused")
  func confusion() throws {
    for (type, body) in [
      ("application/vnd.oci.image.index.v1+json", #"{"schemaVersion":2,"manifests":[],"layers":[],"config":{}}"#),
      (
        "application/vnd.oci.image.manifest.v1+json",
        #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#
      ),
    ] {
      let registry = try FaultyRegistry("return Reply(200, {'Content-Type': '\(type)'}, b'''\(body)''')")
      let (error, _) = try pull(registry)
      #expect(error?.code == .dataLoss, "\(error?.description ?? "")")
    }
  }
}
