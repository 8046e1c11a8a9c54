import BerthArchive
import BerthCore
import BerthImages
import BerthLinux
import BerthOCI
import BerthStore
import Glibc
import ImageFixtures
import Testing

@Suite("pulling from archives and layouts", .enabled(if: geteuid() == 0, "unpacking needs root"))
struct ArchivePullTests {
  let fixture: ImageFixture
  init() throws { fixture = try ImageFixture() }

  private func sample(_ text: String = "hello") throws -> ImageBuilder {
    var builder = ImageBuilder(config: ImageConfig(env: ["A=1"], cmd: ["/hello"]))
    try builder.addLayer { (tar) throws(BerthError) in
      try tar.add(.directory("./", mode: 0o711))
      try tar.add(.directory("tmp/", mode: 0o1777))
      try tar.add(.file("hello", mode: 0o4755), content: Array(text.utf8))
    }
    try builder.addLayer { (tar) throws(BerthError) in try tar.add(.file("tmp/x"), content: Array("x".utf8)) }
    return builder
  }

  private func archive(_ layout: [ImageBuilder.LayoutFile], _ name: String = "a.tar") throws -> String {
    try ImageBuilder.writeArchive(layout, to: fixture.directory(name))
    return "oci-archive:\(fixture.directory(name))"
  }

  @Test("an OCI archive is imported, its layers stacked topmost first, and found again after a restart")
  func ociArchive() throws {
    let builder = try sample()
    let reference = try ImageReference(try archive(builder.layout(named: "a:1")) + ":a:1")
    #expect(try fixture.service.lookup(reference) == nil)
    let image = try fixture.service.pull(reference)
    #expect(image.digest == builder.descriptor(named: nil).digest)
    #expect(image.config.cmd == ["/hello"] && image.config.env == ["A=1"])
    #expect(image.layerDirectories.count == 2)
    let bottom = try #require(image.layerDirectories.last)
    #expect(try Files.readText("\(bottom)/hello") == "hello")
    #expect(try Files.status("\(bottom)/hello").permissions == 0o4755)
    // What the upper layer has no members for looks as it does below.
    #expect(try Files.status("\(image.layerDirectories[0])/tmp").permissions == 0o1777)
    #expect(try Files.status(image.layerDirectories[0]).permissions == 0o711)
    #expect(try fixture.service.lookup(reference) == image)
    #expect(try fixture.service.images() == [image])
    #expect(try fixture.reopened().lookup(reference) == image)
  }

  @Test("an image whose only name in an archive is a tag can be chosen by it, and an error names it")
  func chosenByTag() throws {
    _ = try archive(sample().layout(named: "two"))
    func request(_ only: String) throws -> ImportRequest {
      ImportRequest(path: fixture.directory("a.tar"), naming: .tag(try RegistryReference("x.test/a:1")), only: only)
    }
    #expect(try fixture.service.importImages(request("two")).map(\.names) == [["x.test/a:1"]])
    let error = #expect(throws: BerthError.self) { try fixture.service.importImages(request("three")) }
    #expect(error?.cause == "it holds no image three: there are @0 two")
  }

  @Test("whichever of many layers is unpacked first, a folder that it has no member for looks as it does below")
  func implied() throws {
    var builder = ImageBuilder(config: ImageConfig(cmd: ["/hello"]))
    try builder.addLayer { (tar) throws(BerthError) in
      try tar.add(.directory("own/", mode: 0o750, uid: 7, gid: 8))
      try tar.add(.directory("own/deep/", mode: 0o2770, uid: 9, gid: 9))
    }
    // The largest begin first, and so end in another order than they lie.
    for (number, size) in [10, 900_000, 5000, 2_000_000, 1, 70_000].enumerated() {
      try builder.addLayer { (tar) throws(BerthError) in
        try tar.add(.file("own/deep/\(number)"), content: [UInt8](repeating: UInt8(number), count: size))
      }
    }
    let image = try fixture.service.pull(ImageReference(try archive(builder.layout(named: nil))))
    #expect(image.layerDirectories.count == 7)
    for layer in image.layerDirectories {
      let (own, deep) = (try Files.status("\(layer)/own"), try Files.status("\(layer)/own/deep"))
      #expect(own.permissions == 0o750 && own.uid == 7 && own.gid == 8 && own.modifiedNanoseconds == 1_100_000_000_000_000_000, "\(layer)")
      #expect(deep.permissions == 0o2770 && deep.uid == 9 && deep.gid == 9, "\(layer)")
    }
  }

  @Test("an archive that changed is not the image any more")
  func changed() throws {
    let reference = try ImageReference(try archive(try sample().layout(named: nil)))
    let first = try fixture.service.pull(reference)
    _ = try archive(try sample("other").layout(named: nil))
    #expect(try fixture.service.lookup(reference) == nil)
    let second = try fixture.service.pull(reference)
    #expect(second.digest != first.digest)
    #expect(try fixture.service.lookup(reference) == second)
    try Files.unlink(fixture.directory("a.tar"))
    #expect(try fixture.service.lookup(reference) == nil)
  }

  @Test("images share the layers that they have in common")
  func shared() throws {
    var builder = try sample()
    let one = try fixture.pull(try archive(builder.layout(named: nil)))
    try builder.addLayer { (tar) throws(BerthError) in try tar.add(.file("more"), content: [1]) }
    let two = try fixture.pull(try archive(builder.layout(named: nil), "b.tar"))
    #expect(Array(two.layerDirectories.suffix(2)) == one.layerDirectories)
    #expect(try Files.list(fixture.directory("root/snapshots/l")).count == 3)
  }

  @Test("a layout's image is chosen by tag, by being alone, or by the node's platform")
  func choice() throws {
    let (one, two) = (try sample("1"), try sample("2"))
    let both = ImageBuilder.layout(entries: [one.descriptor(named: "a"), two.descriptor(named: "b")], blobs: one.blobs + two.blobs)
    try ImageBuilder.writeDirectory(both, to: fixture.directory("l"))
    let path = "oci:\(fixture.directory("l"))"
    #expect(try fixture.pull("\(path):b").digest == two.descriptor(named: nil).digest)
    let missing = try #require(try fixture.failure("\(path):c"))
    #expect(missing.code == .notFound && missing.cause.contains("no image named c") && missing.cause.contains("a, b"))
    #expect(try fixture.failure(path)?.code == .invalidArgument)
    var foreign = try sample("3")
    foreign.config.platform = Platform(os: "linux", architecture: "s390x")
    let platforms = ImageBuilder.layout(
      entries: [foreign.descriptor(named: nil), one.descriptor(named: nil)], blobs: one.blobs + foreign.blobs)
    #expect(try fixture.pull(try archive(platforms)).digest == one.descriptor(named: nil).digest)
    let wrong = try #require(try fixture.failure(try archive(foreign.layout(named: nil), "f.tar")))
    #expect(wrong.code == .failedPrecondition && wrong.cause.contains("s390x"))
  }

  @Test("an index in an index leads to the image; a circle and too deep a nest are refused")
  func nestedIndex() throws {
    let builder = try sample()
    func wrap(_ entry: Descriptor) -> (Descriptor, ImageBuilder.LayoutFile) {
      let bytes = Index(manifests: [entry]).encoded()
      return (Descriptor(mediaType: MediaType.index, digest: .sha256(of: bytes), size: Int64(bytes.count)), ImageBuilder.blob(bytes))
    }
    let (outer, file) = wrap(builder.descriptor(named: nil))
    let image = try fixture.pull(try archive(ImageBuilder.layout(entries: [outer], blobs: builder.blobs + [file])))
    #expect(image.indexDigest == outer.digest && image.digest == builder.descriptor(named: nil).digest)
    var (entry, files) = (outer, [file])
    for _ in 0..<4 {
      let (next, file) = wrap(entry)
      entry = next
      files.append(file)
    }
    let deep = try #require(
      try fixture.failure(try archive(ImageBuilder.layout(entries: [entry], blobs: builder.blobs + files), "deep.tar")))
    #expect(deep.cause.contains("nested deeper"))
  }

  @Test("what docker save writes is imported, compressed or not", .enabled(if: Command.exists("/usr/bin/skopeo"), "needs skopeo"))
  func dockerArchive() throws {
    let builder = try sample()
    try ImageBuilder.writeDirectory(builder.layout(named: "a"), to: fixture.directory("l"))
    let path = fixture.directory("d.tar")
    let made = try Command.run("/usr/bin/skopeo", "copy", "-q", "oci:\(fixture.directory("l")):a", "docker-archive:\(path):example/app:v1")
    #expect(made.succeeded, "\(made.output)")
    let image = try fixture.pull("docker-archive:\(path)")
    #expect(image.chainIDs == Digest.chains(builder.config.diffIDs) && image.config.cmd == ["/hello"])
    #expect(try fixture.pull("docker-archive:\(path):docker.io/example/app:v1").digest == image.digest)
    #expect(try fixture.failure("docker-archive:\(path):example/app:v2")?.code == .notFound)
    #expect(try Command.run("/usr/bin/gzip", path).succeeded)
    #expect(try fixture.pull("docker-archive:\(path).gz").digest == image.digest)
  }

  @Test(
    "skopeo and umoci read what is made here",
    .enabled(if: Command.exists("/usr/bin/skopeo") && Command.exists("/usr/bin/umoci"), "needs skopeo and umoci"))
  func readByOthers() throws {
    let builder = try sample()
    try ImageBuilder.writeDirectory(builder.layout(named: "a"), to: fixture.directory("l"))
    let inspected = try Command.run("/usr/bin/skopeo", "inspect", "oci:\(fixture.directory("l")):a")
    #expect(inspected.output.contains(builder.descriptor(named: nil).digest.description), "\(inspected.output)")
    let unpacked = try Command.run("/usr/bin/umoci", "unpack", "--image", "\(fixture.directory("l")):a", fixture.directory("bundle"))
    #expect(unpacked.succeeded, "\(unpacked.output)")
    #expect(try Files.readText(fixture.directory("bundle/rootfs/hello")) == "hello")
    #expect(try Files.status(fixture.directory("bundle/rootfs/hello")).permissions == 0o4755)
    // And the reverse: what umoci packs is read here.
    try Files.writeAtomically([1], to: fixture.directory("bundle/rootfs/new"))
    #expect(try Command.run("/usr/bin/umoci", "repack", "--image", "\(fixture.directory("l")):b", fixture.directory("bundle")).succeeded)
    let image = try fixture.pull("oci:\(fixture.directory("l")):b")
    #expect(Files.exists("\(image.layerDirectories[0])/new"))
  }

  @Test("a missing file, a cut archive, a changed byte and no archive at all are told apart, and nothing of them stays")
  func damage() throws {
    let missing = try #require(try fixture.failure("oci-archive:/nowhere/x.tar"))
    #expect(missing.code == .notFound && missing.description.contains("/nowhere/x.tar"))
    let builder = try sample()
    let reference = try archive(builder.layout(named: nil))
    let bytes = try Files.read(fixture.directory("a.tar"))
    try Files.writeAtomically(bytes.dropLast(2000), to: fixture.directory("a.tar"))
    let cut = try #require(try fixture.failure(reference))
    #expect(cut.code == .dataLoss && cut.cause.contains("truncated"), "\(cut)")
    var wrong = bytes
    // The last layer's bytes lie before the two zero blocks and their padding.
    wrong[bytes.count - 1024 - 512 + 20] ^= 0xff
    try Files.writeAtomically(wrong, to: fixture.directory("a.tar"))
    let changed = try #require(try fixture.failure(reference))
    #expect(changed.code == .dataLoss && changed.cause.contains("digest mismatch: expected sha256:"), "\(changed)")
    try Files.writeAtomically(Array("no archive".utf8), to: fixture.directory("a.tar"))
    #expect(try fixture.failure(reference)?.code == .dataLoss)
    #expect(try Files.list(fixture.directory("root/snapshots/l")).isEmpty)
    #expect(try Files.list(fixture.directory("root/content/ingest")).isEmpty)
    #expect(try fixture.service.metadata.layers().isEmpty)
  }

  @Test("a config that lies about a layer's content is found out")
  func diffID() throws {
    var builder = try sample()
    builder.config.diffIDs[1] = Digest.sha256(of: [1])
    let error = try #require(try fixture.failure(try archive(builder.layout(named: nil))))
    #expect(error.code == .dataLoss && error.cause.contains("expected diff ID"))
  }

  @Test("a layer that is unpacked already, in other bytes: they are stored if they are the same layer, else found out")
  func otherBytes() throws {
    func builder(_ content: String, _ compression: Compression) throws -> ImageBuilder {
      var builder = ImageBuilder()
      try builder.addLayer(compression: compression) { (tar) throws(BerthError) in
        try tar.add(.file("a"), content: Array(content.utf8))
      }
      return builder
    }
    let first = try fixture.pull(try archive(try builder("good", .gzip).layout(named: nil)))
    let plain = try builder("good", .none)
    let second = try fixture.pull(try archive(plain.layout(named: nil)))
    #expect(second.layerDirectories == first.layerDirectories && second.digest != first.digest)
    #expect(Files.exists(fixture.service.path(ofBlob: plain.layers[0].descriptor.digest)))
    for compression in [Compression.gzip, .none] {
      var lie = try builder("evil", compression)
      lie.config.diffIDs = plain.config.diffIDs
      let error = try #require(try fixture.failure(try archive(lie.layout(named: nil))))
      #expect(error.code == .dataLoss && error.cause.contains("expected diff ID"), "\(error)")
      #expect(!Files.exists(fixture.service.path(ofBlob: lie.layers[0].descriptor.digest)))
    }
    #expect(try Files.readText("\(first.layerDirectories[0])/a") == "good")
  }

  @Test("a layer that was damaged in the store is fetched again")
  func damagedInStore() throws {
    let builder = try sample()
    let reference = try archive(builder.layout(named: nil))
    _ = try fixture.pull(reference)
    let layer = builder.layers[0]
    let path = fixture.service.path(ofBlob: layer.descriptor.digest)
    try fixture.service.remove(try ImageReference(reference))
    // The blob stays; the unpacked layers go.
    var bytes = try Files.read(path)
    let good = bytes
    bytes[bytes.count / 2] ^= 0xff
    try fixture.service.prune()
    try Files.writeAtomically(bytes, to: path)
    let image = try fixture.pull(reference)
    #expect(image.digest == builder.descriptor(named: nil).digest)
    #expect(try Files.read(path) == good)
    // A damaged manifest means: not here, pull again.
    try Files.writeAtomically([1], to: fixture.service.path(ofBlob: image.digest))
    let service = try fixture.reopened()
    #expect(try service.lookup(try ImageReference(reference)) == nil)
    #expect(try service.pull(try ImageReference(reference)).digest == image.digest)
  }

  @Test("B15: a layout's blob that is a symlink or a device is not read")
  func symlinkBlob() throws {
    let builder = try sample()
    try ImageBuilder.writeDirectory(builder.layout(named: nil), to: fixture.directory("l"))
    let blob = fixture.directory("l/blobs/sha256/\(builder.layers[0].descriptor.digest.hex)")
    try Files.rename(blob, to: fixture.directory("secret"))
    try Files.createSymlink(blob, target: fixture.directory("secret"))
    let error = try #require(try fixture.failure("oci:\(fixture.directory("l"))"))
    #expect(error.code == .invalidArgument, "\(error)")
    try Files.unlink(blob)
    #expect(mkfifo(blob, 0o600) == 0)
    #expect(try fixture.failure("oci:\(fixture.directory("l"))")?.cause.contains("no regular file") == true)
  }

  @Test("a hostile layer fails its pull with a clear error, and writes nothing outside")
  func hostileLayer() throws {
    var builder = ImageBuilder()
    try builder.addLayer { (tar) throws(BerthError) in
      try tar.add(.symlink("l", to: fixture.directory.path))
      try tar.add(.file("l/escaped"), content: [1])
    }
    let error = try #require(try fixture.failure(try archive(builder.layout(named: nil))))
    #expect(error.code == .invalidArgument && error.cause.contains("is absolute"), "\(error)")
    #expect(!Files.exists(fixture.directory("escaped")))
    #expect(try Files.list(fixture.directory("root/snapshots/l")).isEmpty)
  }
}
