import BerthCore
import BerthImages
import BerthLinux
import BerthOCI
import BerthStore
import Glibc
import ImageFixtures
import Synchronization
import Testing

/// What a power cut leaves of layers that the disk didn't have yet is told apart here by what was done to their files meanwhile; the cuts
/// themselves are scripts/test-power's.
@Suite("layers and the disk", .enabled(if: geteuid() == 0, "unpacking needs root"))
struct DurabilityTests {
  let fixture: ImageFixture
  init() throws { fixture = try ImageFixture() }

  private static let name = "x.test/a:1"
  private var archive: String { fixture.directory("a.tar") }

  private func makeArchive() throws {
    var builder = ImageBuilder(config: ImageConfig(cmd: ["/hello"]))
    try builder.addLayer { (tar) throws(BerthError) in
      try tar.add(.directory("own/", mode: 0o750, uid: 7, gid: 8))
      try tar.add(.file("hello", mode: 0o755), content: Array("hello".utf8))
    }
    try builder.addLayer { (tar) throws(BerthError) in try tar.add(.file("own/x"), content: Array("x".utf8)) }
    try ImageBuilder.writeArchive(builder.layout(named: nil), to: archive)
  }

  /// Imported under a name; the archive is gone afterwards.
  private func imported() throws -> Image {
    try makeArchive()
    _ = try fixture.service.importImages(ImportRequest(path: archive, naming: .tag(try RegistryReference(Self.name)), isPinned: true))
    try Files.unlink(archive)
    return try #require(try fixture.service.lookup(ImageReference(Self.name)))
  }

  /// As the power leaves files that only memory had.
  private func empty(_ image: Image) throws {
    for directory in image.layerDirectories {
      for file in ["hello", "own/x"] where Files.exists("\(directory)/\(file)") {
        try Files.writeAtomically("".utf8, to: "\(directory)/\(file)")
      }
    }
  }

  @Test("layers that weren't on the disk when the node went down are unpacked again from the blobs, without where they came from")
  func restored() throws {
    let image = try imported()
    try empty(image)
    let service = try fixture.reopened(boot: "later")
    #expect(try service.lookup(ImageReference(Self.name)) == nil)
    for directory in image.layerDirectories { #expect(!Files.exists(directory)) }
    let found = try service.restorable()
    #expect(found.map(\.reference) == [Self.name])
    #expect(try service.restore(#require(found.first)))
    #expect(try !service.restore(#require(found.first)))
    let back = try #require(try service.lookup(ImageReference(Self.name)))
    #expect(back.digest == image.digest && back.chainIDs == image.chainIDs && back.created == image.created && back.isPinned)
    #expect(try Files.readText("\(back.layerDirectories[1])/hello") == "hello")
    #expect(try Files.readText("\(back.layerDirectories[0])/own/x") == "x")
    // What the upper layer has no member for looks as it does below, as after a pull.
    #expect(try Files.status("\(back.layerDirectories[0])/own").permissions == 0o750)
    #expect(try service.restorable().isEmpty)
    // A daemon that starts anew meanwhile finds it as it is; of the next boot it, too, is only once it was settled.
    #expect(try fixture.reopened(boot: "later").lookup(ImageReference(Self.name)) != nil)
    #expect(try fixture.reopened(boot: "last").restorable().map(\.reference) == [Self.name])
  }

  @Test("a daemon that starts anew while the node is up goes on with what is in memory; what was settled outlasts the boot")
  func sameBoot() throws {
    let image = try imported()
    #expect(try fixture.reopened().lookup(ImageReference(Self.name))?.layerDirectories == image.layerDirectories)
    // One that hasn't unpacked it doesn't know of a write that failed.
    try fixture.reopened().settle()
    #expect(try fixture.service.metadata.layers().allSatisfy { $0.boot != nil })
    try fixture.service.settle()
    #expect(try fixture.service.metadata.layers().allSatisfy { $0.boot == nil })
    let later = try fixture.reopened(boot: "later")
    #expect(try later.lookup(ImageReference(Self.name))?.layerDirectories == image.layerDirectories)
    #expect(try later.restorable().isEmpty)
  }

  @Test("an image of which a blob is missing or damaged isn't restored, and nothing else suffers from it")
  func withoutBlob() throws {
    let image = try imported()
    let blobs = try fixture.service.blobs()
    let layer = try #require(blobs.first { $0.digest != image.digest && (try? isLayer($0.digest)) == true })
    let path = fixture.service.path(ofBlob: layer.digest)
    let bytes = try Files.open(path, O_RDONLY).readAll(limit: 1 << 20)
    try Files.writeAtomically(bytes.map { $0 ^ 1 }, to: path)
    let service = try fixture.reopened(boot: "later")
    try service.metadata.putBundle("/bundles/a.tar", identity: "1")
    let record = try #require(try service.restorable().first)
    let error = #expect(throws: BerthError.self) { try service.restore(record) }
    let cause = error?.cause ?? ""
    #expect(cause.contains(layer.digest.description) && cause.contains("missing or damaged"), "\(cause)")
    // A bundle that it may have come from is read again.
    #expect(try service.metadata.bundles().isEmpty)
    // The damaged one is gone: from now on it isn't tried again.
    #expect(try service.restorable().isEmpty && service.lookup(ImageReference(Self.name)) == nil)
    // An import brings it back.
    try makeArchive()
    _ = try service.importImages(ImportRequest(path: archive, naming: .tag(try RegistryReference(Self.name))))
    #expect(try service.lookup(ImageReference(Self.name)) != nil)
  }

  private func isLayer(_ digest: Digest) throws -> Bool {
    try Files.open(fixture.service.path(ofBlob: digest), O_RDONLY).read(upTo: 2) == [0x1f, 0x8b]
  }

  @Test("who is to settle layers is told once they are unpacked, and not of a pull that unpacked none")
  func told() throws {
    let times = Mutex(0)
    fixture.service.whenUnpacked { times.withLock { $0 += 1 } }
    _ = try imported()
    #expect(times.withLock { $0 } == 1)
    _ = try imported()
    #expect(times.withLock { $0 } == 1)
  }

  @Test(
    "a disk that fails to write what was unpacked is told of, and its layers are not taken for durable",
    .enabled(if: LoopDisk.isPossible, "needs loop devices and mkfs.ext4"))
  func failingDisk() throws {
    let disk = try LoopDisk(megabytes: 256, room: 48)
    // Of 100 MB nothing but zeros the blob is a few kilobytes, the layer more than the disk can take.
    var builder = ImageBuilder(config: ImageConfig())
    let zeros = [UInt8](repeating: 0, count: 1 << 20)
    try builder.addLayer { (tar) throws(BerthError) in for number in 0..<100 { try tar.add(.file("\(number)"), content: zeros) } }
    try ImageBuilder.writeArchive(builder.layout(named: nil), to: archive)
    let service = try ImageService(root: "\(disk.path)/root", workerPath: ImageFixture.worker, registry: RegistryConfiguration())
    let request = ImportRequest(path: archive, naming: .tag(try RegistryReference(Self.name)))
    #expect(try service.importImages(request).count == 1)
    let error = #expect(throws: BerthError.self) { try service.settle() }
    #expect(error?.operation == "write layers" && error?.cause.contains("see to the disk") == true, "\(error as Any)")
    // Who is told is told once.
    try service.settle()
    #expect(try service.metadata.layers().allSatisfy { $0.boot != nil })
  }
}
