import BerthArchive
import BerthCore
import BerthImages
import BerthLinux
import BerthOCI
import BerthStore
import Glibc
import ImageFixtures
import Testing

/// Signatures in cosign's documented format, made by openssl.
@Suite("signatures", .enabled(if: geteuid() == 0 && FaultyRegistry.isAvailable, "needs root, python3 and openssl"))
struct TrustTests {
  let directory: TemporaryDirectory
  let image: ImageBuilder

  init() throws {
    directory = try TemporaryDirectory()
    image = try ImageBuilder.sample()
  }

  private func openssl(_ arguments: String...) throws {
    let run = try Command.run(["/usr/bin/openssl"] + arguments)
    guard run.succeeded else { throw BerthError(.unavailable, "openssl", cause: run.output) }
  }

  /// `ec`, `ed25519` or another kind of key; its public half is at NAME.pub.
  private func makeKey(_ name: String, _ kind: String = "ec") throws {
    let key = directory(name)
    switch kind {
    case "ec": try openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    case "rsa": try openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key)
    default: try openssl("genpkey", "-algorithm", kind, "-out", key)
    }
    try openssl("pkey", "-in", key, "-pubout", "-out", "\(key).pub")
  }

  private func payload(_ digest: Digest) -> [UInt8] {
    Array(
      #"{"critical":{"identity":{"docker-reference":"x"},"image":{"docker-manifest-digest":"\#(digest)"},"type":"cosign container image signature"},"optional":null}"#
        .utf8)
  }

  private func sign(_ payload: [UInt8], with key: String, _ kind: String = "ec") throws -> String {
    try directory.write("payload", payload)
    if kind == "ec" {
      try openssl("dgst", "-sha256", "-sign", directory(key), "-out", directory("signature"), directory("payload"))
    } else {
      try openssl("pkeyutl", "-sign", "-rawin", "-inkey", directory(key), "-in", directory("payload"), "-out", directory("signature"))
    }
    return Base64Text.encode(try Files.read(directory("signature")))
  }

  /// Python that puts the signature beside the image: under cosign's tag, or as a referrer.
  private func rule(_ payload: [UInt8], _ signature: String, isReferrer: Bool = false) -> String {
    let digest = image.descriptor(named: nil).digest
    return """
      if not r.state:
        payload = b'''\(String(decoding: payload, as: UTF8.self))'''
        layer = {'mediaType': 'application/vnd.dev.cosign.simplesigning.v1+json', 'digest': digest(payload), 'size': len(payload),
          'annotations': {'dev.cosignproject.cosign/signature': '\(signature)'}}
        document = {'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.manifest.v1+json', 'layers': [layer],
          'config': {'mediaType': 'application/vnd.oci.image.config.v1+json', 'digest': digest(b'{}'), 'size': 2}}
        if \(isReferrer ? "True" : "False"): document['subject'] = {'digest': '\(digest)'}
        body = json.dumps(document).encode()
        r.store.blobs[digest(payload)] = payload
        r.store.blobs[digest(body)] = body
        r.store.types[digest(body)] = 'application/vnd.oci.image.manifest.v1+json'
        if not \(isReferrer ? "True" : "False"): r.store.tags['sha256-\(digest.hex).sig'] = digest(body)
        r.state['made'] = True
      """
  }

  private func fixture(_ registry: FaultyRegistry, policy: String? = nil, keys: [String]) throws -> ImageFixture {
    var configuration = RegistryConfiguration()
    configuration.trust.policies = [policy ?? registry.host: keys.map { directory("\($0).pub") }]
    return try ImageFixture(registry: configuration)
  }

  @Test(
    "an image that a key of its policy has signed is pulled, by both kinds of keys and both ways to keep a signature",
    arguments: [("ec", false), ("ec", true), ("ed25519", false), ("ed25519", true)])
  func signed(_ kind: String, _ isReferrer: Bool) throws {
    try makeKey("ours", kind)
    try makeKey("unused")
    let text = payload(image.descriptor(named: nil).digest)
    let registry = try FaultyRegistry(rule(text, try sign(text, with: "ours", kind), isReferrer: isReferrer), image: image)
    let good = try fixture(registry, keys: ["unused", "ours"])
    #expect(try good.pull("\(registry.host)/team/app:v1").digest == image.descriptor(named: nil).digest)
    #expect(try good.service.lookup(ImageReference("\(registry.host)/team/app:v1")) != nil)
  }

  @Test("an image that isn't signed, or by another key, or whose signature is for another image, isn't pulled; no layer is fetched for it")
  func refused() throws {
    try makeKey("ours")
    try makeKey("theirs")
    let digest = image.descriptor(named: nil).digest
    let text = payload(digest)
    let other = payload(.sha256(of: [1]))
    let forged = rule(other, try sign(text, with: "ours"))
    let cases: [(String, String)] = [
      ("", "it is not signed"), (rule(text, try sign(text, with: "theirs")), "its one signature is not by a key"),
      (rule(other, try sign(other, with: "ours")), "are for other images"), (forged, "its one signature is not"),
      (rule(text, "AAAA"), "its one signature is not"),
    ]
    for (rule, words) in cases {
      let registry = try FaultyRegistry(rule, image: image)
      let fixture = try fixture(registry, keys: ["ours"])
      let error = try fixture.failure("\(registry.host)/team/app:v1")
      #expect(error?.code == .permissionDenied && error?.cause.contains(words) == true, "\(error?.description ?? "")")
      #expect(try registry.count("\(image.layers[0].descriptor.digest)") == 0)
      #expect(try fixture.service.images().isEmpty)
      #expect(try Files.list(fixture.directory("root/content/ingest")).isEmpty)
    }
  }

  @Test("the longest policy that fits counts, by whole components")
  func longest() throws {
    try makeKey("ours")
    let registry = try FaultyRegistry(image: image)
    for (policy, isRefused) in [
      ("\(registry.host)/team", true), ("\(registry.host)/tea", false), ("\(registry.host)/team/app", true), ("*", true),
      ("\(registry.host)/team/app/x", false),
    ] {
      let error = try fixture(registry, policy: policy, keys: ["ours"]).failure("\(registry.host)/team/app:v1")
      #expect((error != nil) == isRefused, "\(policy): \(error?.description ?? "")")
    }
  }

  @Test("an image that was pulled before there was a policy is judged before it is used again")
  func later() throws {
    try makeKey("ours")
    let registry = try FaultyRegistry(image: image)
    let reference = try ImageReference("\(registry.host)/app:v1")
    let before = try ImageFixture()
    _ = try before.pull("\(reference)")
    var configuration = RegistryConfiguration()
    configuration.trust.policies = [registry.host: [directory("ours.pub")]]
    let strict = try before.reopened(registry: configuration)
    #expect(try strict.lookup(reference) == nil)
    #expect(throws: BerthError.self) { try strict.pull(reference) }
    #expect(try before.reopened().lookup(reference) != nil)
  }

  @Test("an archive may give a name that must be signed only where its policy says so; without names it comes in")
  func archives() throws {
    try makeKey("ours")
    try ImageBuilder.writeArchive(image.layout(named: "example.com/team/app:v1"), to: directory("a.tar"))
    let name = try ImageReference("example.com/team/app:v1")
    var configuration = RegistryConfiguration()
    configuration.trust.policies = ["example.com/team": [directory("ours.pub")]]
    let strict = try ImageFixture(registry: configuration)
    for naming in [ImportRequest.Naming.claimed, .tag(try RegistryReference("example.com/team/app:v1"))] {
      let error = #expect(throws: BerthError.self) {
        try strict.service.importImages(ImportRequest(path: directory("a.tar"), naming: naming))
      }
      #expect(error?.code == .permissionDenied && error?.cause.contains("archives = true") == true, "\(String(describing: error))")
    }
    #expect(try strict.service.images().isEmpty)
    let digest = try strict.service.importImages(ImportRequest(path: directory("a.tar")))[0].digest
    #expect(try strict.service.lookup(.digest(digest)) != nil && strict.service.lookup(name) == nil)
    // An administrator trusts whoever imports.
    configuration.trust.openToArchives = ["example.com/team"]
    let open = try strict.reopened(registry: configuration)
    _ = try open.importImages(ImportRequest(path: directory("a.tar"), naming: .claimed))
    #expect(try open.lookup(name)?.digest == digest)
    // Taken back, the image isn't good any more; without a policy every image is.
    configuration.trust.openToArchives = []
    #expect(try strict.reopened(registry: configuration).lookup(name) == nil)
    #expect(try strict.reopened().lookup(name)?.digest == digest)
  }

  @Test("a key that is none, or of another kind, is named", arguments: ["rsa", "text"])
  func keys(_ kind: String) throws {
    if kind == "text" { try directory.write("ours.pub", Array("no key".utf8)) } else { try makeKey("ours", kind) }
    let text = payload(image.descriptor(named: nil).digest)
    let registry = try FaultyRegistry(rule(text, "AAAA"), image: image)
    let error = try fixture(registry, keys: ["ours"]).failure("\(registry.host)/app:v1")
    #expect(error?.description.contains("ours.pub") == true, "\(error?.description ?? "")")
  }

  @Test(
    "verifiers are asked as containerd asks them: all must end with 0, in time and without a flood of words",
    arguments: [
      ("exit 0", ""), ("echo 'not today'; exit 3", "rejects it (exit code 3): not today"), ("sleep 60", "no answer within"),
      ("yes", "said more than"),
      (
        "[ \"$1 $3 $5\" = '-name -digest -stdin-media-type' ] && [ \"$6\" = application/vnd.oci.descriptor.v1+json ] && grep -q '\"digest\"' && case $2 in */app:v1) case $4 in sha256:*) exit 0;; esac;; esac; exit 9",
        ""
      ),
    ])
  func verifiers(_ script: String, _ words: String) throws {
    let registry = try FaultyRegistry(image: image)
    for (name, text) in [("a-good", "exit 0"), ("b-asked", script)] {
      try directory.write("bin/\(name)", Array("#!/bin/sh\n\(text)\n".utf8))
      try Files.setMode(directory("bin/\(name)"), 0o755)
    }
    var configuration = RegistryConfiguration()
    configuration.trust.verifiers = directory("bin")
    configuration.trust.verifierTimeout = .milliseconds(words.isEmpty ? 20_000 : 2000)
    let error = try ImageFixture(registry: configuration).failure("\(registry.host)/app:v1")
    #expect((error == nil) == words.isEmpty && (words.isEmpty || error?.cause.contains(words) == true), "\(error?.description ?? "")")
    #expect(words.isEmpty || error?.code == .permissionDenied)
  }
}
