import BerthArchive
import BerthCore
import BerthImages
import BerthLinux
import BerthOCI
import Glibc
import ImageFixtures
import Testing

@Suite("export and import", .enabled(if: geteuid() == 0, "unpacking needs root"))
struct ExportTests {
  let fixture: ImageFixture
  init() throws { fixture = try ImageFixture() }

  private func sample(_ text: String) throws -> ImageBuilder {
    var builder = ImageBuilder(config: ImageConfig(cmd: ["/hello"]))
    try builder.addLayer { (tar) throws(BerthError) in try tar.add(.file("hello"), content: Array(text.utf8)) }
    return builder
  }

  /// Two images under names of their own, and what the store calls them.
  private func prepare(_ fixture: ImageFixture) throws -> [ImageReference] {
    var references: [ImageReference] = []
    for text in ["one", "two"] {
      let path = fixture.directory("\(text).tar")
      try ImageBuilder.writeArchive(try sample(text).layout(named: nil), to: path)
      let name = try RegistryReference("example.com/\(text):1")
      _ = try fixture.service.importImages(ImportRequest(path: path, naming: .tag(name)))
      references.append(.registry(name))
    }
    return references
  }

  private func write(_ export: ImageExport, to path: String) throws {
    var bytes: [UInt8] = []
    while let piece = try export.next() { bytes += piece }
    #expect(Int64(bytes.count) == export.size, "the size was known beforehand")
    try Files.writeAtomically(bytes, to: path, mode: 0o644)
  }

  @Test("several images go into one archive and come back with their names", arguments: ["oci", "docker"])
  func roundTrip(format: String) throws {
    let references = try prepare(fixture)
    let path = fixture.directory("all.tar")
    try write(try fixture.service.export(references, format: format), to: path)
    let other = try ImageFixture()
    let imported = try other.service.importImages(ImportRequest(path: path, naming: .claimed))
    #expect(imported.map(\.names) == references.map { [$0.description] })
    for reference in references {
      #expect(try other.service.lookup(reference)?.digest == fixture.service.lookup(reference)?.digest)
    }
    #expect(try fixture.service.metadata.leases(.export).isEmpty, "the lease went with the export")
  }

  @Test("an import names nothing unless asked; what it brought goes by its digest")
  func untagged() throws {
    let references = try prepare(fixture)
    let path = fixture.directory("all.tar")
    try write(try fixture.service.export(references, format: "oci"), to: path)
    let other = try ImageFixture()
    let imported = try other.service.importImages(ImportRequest(path: path))
    #expect(imported.map(\.claimed) == references.map { [$0.description] })
    #expect(try other.service.lookup(references[0]) == nil)
    let digest = ImageReference.digest(imported[0].digest)
    #expect(try other.service.lookup(digest)?.digest == imported[0].digest)
    #expect(try ImageReference(digest.description) == digest)
    // Nothing but its digest keeps it.
    try other.service.prune()
    #expect(try other.service.lookup(digest) != nil)
    try other.service.tag(digest, as: references[0])
    #expect(try other.service.lookup(references[0])?.digest == imported[0].digest)
    try other.service.remove(digest)
    try other.service.prune()
    #expect(try other.service.lookup(references[0]) != nil)
  }

  @Test("one name for several images, an image that isn't there and a file that is no image are refused, in words")
  func refusals() throws {
    let references = try prepare(fixture)
    let path = fixture.directory("all.tar")
    try write(try fixture.service.export(references, format: "oci"), to: path)
    func failure(_ request: ImportRequest) -> BerthError? {
      do throws(BerthError) {
        _ = try fixture.service.importImages(request)
        return nil
      } catch { return error }
    }
    let tag = ImportRequest.Naming.tag(try RegistryReference("a:1"))
    let several = try #require(failure(ImportRequest(path: path, naming: tag)))
    #expect(several.code == .invalidArgument && several.cause.contains("2 images") && several.cause.contains("example.com/two:1"))
    #expect(failure(ImportRequest(path: path, naming: tag, only: "example.com/two:1")) == nil)
    #expect(try fixture.service.lookup(try ImageReference("a:1"))?.digest == fixture.service.lookup(references[1])?.digest)
    #expect(failure(ImportRequest(path: path, naming: tag, only: "@0")) == nil)
    #expect(failure(ImportRequest(path: path, only: "@7"))?.cause.contains("no image @7") == true)
    try fixture.directory.write("text.tar", Array(String(repeating: "no archive ", count: 300).utf8))
    #expect(failure(ImportRequest(path: fixture.directory("text.tar"))) != nil)
    #expect(failure(ImportRequest(path: fixture.directory("none.tar")))?.code == .notFound)
  }

  @Test("a damaged blob ends the export, and is no longer in the store")
  func damaged() throws {
    let references = try prepare(fixture)
    let image = try #require(try fixture.service.lookup(references[0]))
    let layer = try #require(try sample("one").layers.first?.descriptor.digest)
    let path = fixture.service.path(ofBlob: layer)
    var bytes = try Files.read(path)
    bytes[bytes.count / 2] ^= 1
    try Files.writeAtomically(bytes, to: path)
    let export = try fixture.service.export([references[0]], format: "oci")
    #expect(throws: BerthError.self) { while try export.next() != nil {} }
    #expect(!Files.exists(path))
    #expect(throws: BerthError.self) { try fixture.service.export([references[0]], format: "oci") }
    #expect(try fixture.service.lookup(references[0]) == image, "what is unpacked still runs")
    // As the error says: its archive is read again, and what is unpacked stays as it is.
    let again = try fixture.service.importImages(ImportRequest(path: fixture.directory("one.tar"), naming: .claimed))
    #expect(again.first?.digest == image.digest)
    #expect(try fixture.service.lookup(references[0])?.layerDirectories == image.layerDirectories)
    let whole = try fixture.service.export([references[0]], format: "oci")
    while try whole.next() != nil {}
  }

  @Test("a layer that came in two compressions is unpacked once, and exported as each image has it")
  func twoCompressions() throws {
    let tar = try TarFixture.tar([(.file("hello"), "the same")])
    var digests: [Digest] = []
    for compression in [Compression.gzip, .none] {
      var builder = ImageBuilder(config: ImageConfig(cmd: ["/hello"]))
      try builder.addLayer(tar: tar, compression: compression)
      let path = fixture.directory("\(compression).tar")
      try ImageBuilder.writeArchive(builder.layout(named: nil), to: path)
      digests += try fixture.service.importImages(ImportRequest(path: path)).map(\.digest)
    }
    #expect(Set(digests).count == 2)
    #expect(try Files.list(fixture.directory("root/snapshots/l")).count == 1)
    let path = fixture.directory("both.tar")
    try write(try fixture.service.export(digests.map { .digest($0) }, format: "oci"), to: path)
    let other = try ImageFixture()
    #expect(try other.service.importImages(ImportRequest(path: path)).map(\.digest) == digests)
  }

  @Test("skopeo and umoci read what is written here, and the reverse", .enabled(if: Peers.exist, "needs skopeo and umoci"))
  func peers() throws {
    let references = try prepare(fixture)
    let digest = try #require(try fixture.service.lookup(references[1])).digest
    let (oci, docker) = (fixture.directory("oci.tar"), fixture.directory("docker.tar"))
    try write(try fixture.service.export(references, format: "oci"), to: oci)
    try write(try fixture.service.export(references, format: "docker"), to: docker)
    // Both tags are `1`, so that the entries have whole names.
    let layout = fixture.directory("layout")
    try Peers.run("/usr/bin/skopeo", "copy", "-q", "oci-archive:\(oci):example.com/two:1", "oci:\(layout):two")
    #expect(try Peers.run("/usr/bin/skopeo", "inspect", "--format", "{{.Digest}}", "oci:\(layout):two").contains(digest.description))
    try Peers.run("/usr/bin/umoci", "unpack", "--image", "\(layout):two", fixture.directory("bundle"))
    #expect(try Files.readText(fixture.directory("bundle/rootfs/hello")) == "two")
    try Peers.run("/usr/bin/skopeo", "copy", "-q", "docker-archive:\(docker):example.com/two:1", "oci:\(layout):three")
    try Peers.run(
      "/usr/bin/skopeo", "copy", "-q", "docker-archive:\(docker):example.com/one:1", "docker-archive:\(fixture.directory("back.tar")):x/y:2"
    )

    // The reverse: a layout that umoci has changed, and skopeo's archives.
    try Peers.run("/usr/bin/umoci", "config", "--image", "\(layout):two", "--tag", "four", "--config.cmd", "/changed")
    let other = try ImageFixture()
    let changed = try other.service.importImages(
      ImportRequest(path: layout, naming: .tag(try RegistryReference("example.com/four:1")), only: "@2"))
    #expect(changed.count == 1)
    #expect(try other.service.lookup(try ImageReference("example.com/four:1"))?.config.cmd == ["/changed"])
    let back = try other.service.importImages(ImportRequest(path: fixture.directory("back.tar"), naming: .claimed))
    #expect(back.map(\.names) == [["docker.io/x/y:2"]])
  }

  @Test("an image is mounted read-only, kept by a prune meanwhile, and unmounted")
  func mount() throws {
    let references = try prepare(fixture)
    let target = fixture.directory("m")
    try Files.makeDirectory(target)
    try fixture.service.mount(references[0], at: target)
    defer { try? fixture.service.unmount(target) }
    #expect(try Files.readText("\(target)/hello") == "one")
    #expect(throws: Errno.self) { try Files.write("x", to: "\(target)/hello") }
    #expect(throws: BerthError.self) { try fixture.service.mount(references[1], at: target) }
    try fixture.service.remove(references[0])
    try fixture.service.prune()
    #expect(try Files.readText("\(target)/hello") == "one")
    // Also by a daemon that starts meanwhile.
    try fixture.reopened().prune()
    #expect(try Files.readText("\(target)/hello") == "one")
    try fixture.service.unmount(target)
    #expect(!Files.exists("\(target)/hello"))
    #expect(try fixture.service.prune() > 0)
    #expect(throws: BerthError.self) { try fixture.service.unmount(target) }
  }
}

/// Other image tools.
private enum Peers {
  static let exist = Command.exists("/usr/bin/skopeo") && Command.exists("/usr/bin/umoci")

  @discardableResult static func run(_ arguments: String...) throws -> String {
    let run = try Command.run(arguments)
    guard run.succeeded else { throw BerthError(.unavailable, "run", arguments.joined(separator: " "), cause: run.output) }
    return run.output
  }
}
