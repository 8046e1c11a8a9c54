import BerthCore
import BerthImages
import BerthLinux
import BerthOCI
import BerthStore
import Glibc
import ImageFixtures
import Testing

/// A file system of a few megabytes for a store of its own.
private final class SmallDisk: Sendable {
  private let directory: TemporaryDirectory
  private let loop: LoopDisk?
  var path: String { loop?.path ?? directory("disk") }

  init(kilobytes: Int) throws {
    directory = try TemporaryDirectory()
    loop = nil
    try Files.makeDirectory(directory("disk"))
    try call { mount("tmpfs", directory("disk"), "tmpfs", 0, "size=\(kilobytes)k,mode=700") }
  }

  /// On which a folder takes room, too.
  init(extMegabytes: Int) throws {
    directory = try TemporaryDirectory()
    loop = try LoopDisk(megabytes: extMegabytes, room: extMegabytes * 2)
  }

  deinit { if loop == nil { umount2(directory("disk"), Int32(MNT_DETACH)) } }

  func service() throws -> ImageService {
    try ImageService(root: "\(path)/root", workerPath: ImageFixture.worker, registry: RegistryConfiguration())
  }

  /// Takes the last byte.
  func fill() throws {
    let file = try Files.open("\(path)/filling", O_WRONLY | O_CREAT | O_APPEND)
    for size in [1 << 20, 4096, 1] {
      let bytes = [UInt8](repeating: 1, count: size)
      while (try? file.writeAll(bytes)) != nil {}
    }
  }
}

@Suite("a full disk", .enabled(if: geteuid() == 0, "mounting needs root"))
struct DiskFullTests {
  let archives: TemporaryDirectory
  init() throws { archives = try TemporaryDirectory() }

  /// `size` bytes that no compression makes smaller, in files of 100 kB. Not compressed: that is most of the time that this would take.
  private func archive(_ name: String, size: Int) throws -> ImageReference {
    let random = try Files.open("/dev/urandom", O_RDONLY)
    var builder = ImageBuilder(config: ImageConfig(cmd: [name]))
    for layer in 0..<2 {
      var files: [[UInt8]] = []
      for _ in 0..<max(1, size / 200_000) { files.append(try random.read(upTo: min(size, 100_000))) }
      try builder.addLayer(compression: .none) { (tar) throws(BerthError) in
        for (number, bytes) in files.enumerated() { try tar.add(.file("\(layer)-\(number)"), content: bytes) }
      }
    }
    try ImageBuilder.writeArchive(builder.layout(named: nil), to: archives("\(name).tar"))
    return .archive(path: archives("\(name).tar"), tag: nil)
  }

  @Test("a pull that finds the disk full, wherever it is then, leaves no partial blob or layer; what was there stays", arguments: 1...9)
  func anyPoint(megabytes: Int) throws {
    let disk = try SmallDisk(kilobytes: 500 + megabytes * 1000)
    let service = try disk.service()
    let small = try service.pull(try archive("small", size: 1000))
    let failure = #expect(throws: BerthError.self) { try service.pull(try archive("large", size: 5_000_000)) }
    #expect(failure?.code == .resourceExhausted, "\(String(describing: failure))")
    for blob in try service.blobs() {
      #expect(Digest.sha256(of: try Files.read(service.path(ofBlob: blob.digest), limit: 64 << 20)) == blob.digest)
    }
    #expect(try Files.list("\(disk.path)/root/content/ingest").isEmpty)
    #expect(try Files.list("\(disk.path)/root/snapshots/l").count == small.layerDirectories.count)
    #expect(try service.lookup(try ImageReference(small.requested)) == small)
    try service.prune()
    #expect(try service.blobs().count == 4, "manifest, config and two layers of the small one")
  }

  @Test("a pull that can't fit is refused before a layer is fetched, and says how much it needs")
  func refused() throws {
    let disk = try SmallDisk(kilobytes: 4_000)
    let service = try disk.service()
    let fetched = Monitor(0)
    let large = try archive("large", size: 5_000_000)
    do throws(BerthError) {
      _ = try service.pull(large, progress: { if case .progress = $0 { fetched.with { $0 += 1 } } })
      Issue.record("it fits")
    } catch { #expect(error.code == .resourceExhausted && error.cause.contains("it needs at least"), "\(error)") }
    #expect(fetched.with { $0 } == 0)
  }

  @Test("on a disk without a free byte a daemon starts, images are removed and pruned, and room is back", arguments: [false, true])
  func full(restarts: Bool) throws {
    let disk = try SmallDisk(kilobytes: 16_000)
    var service = try disk.service()
    let reference = try archive("image", size: 3_000_000)
    _ = try service.pull(reference)
    try disk.fill()
    #expect(throws: Errno.self) { try Files.writeAtomically([UInt8](repeating: 1, count: 100_000), to: "\(disk.path)/more") }
    if restarts { service = try disk.service() }
    #expect(try service.lookup(reference) != nil, "what is here runs")
    try service.remove(reference)
    #expect(try service.prune() > 2_000_000)
    try Files.writeAtomically([UInt8](repeating: 1, count: 1_000_000), to: "\(disk.path)/more")
  }

  @Test(
    "so it does on a disk that has no room for a folder, by what is set aside",
    .enabled(if: LoopDisk.isPossible, "needs loop devices and mkfs.ext4"))
  func fullExt() throws {
    let disk = try SmallDisk(extMegabytes: 32)
    let reference = try archive("image", size: 3_000_000)
    do {
      let service = try disk.service()
      _ = try service.pull(reference)
    }
    try disk.fill()
    #expect(throws: Errno.noSpace) { for number in 0..<1000 { try Files.createDirectory("\(disk.path)/folder-\(number)", mode: 0o755) } }
    let service = try disk.service()
    #expect(service.snapshotter.kind == .overlay)
    #expect(try service.lookup(reference) != nil)
    try service.remove(reference)
    #expect(try service.prune() > 2_000_000)
    #expect(Files.exists("\(disk.path)/root/reserve"), "it is set aside again")
  }
}
