import BerthArchive
import BerthCore
import BerthImages
import BerthLinux
import Glibc
import ImageFixtures
import Testing

/// A btrfs of its own, where files can share their blocks.
private final class CloningDisk {
  let directory: TemporaryDirectory

  static var isAvailable: Bool { ["/usr/sbin/mkfs.btrfs", "/usr/sbin/filefrag", "/usr/bin/mount"].allSatisfy(Command.exists) }

  init() throws {
    directory = try TemporaryDirectory()
    try Files.makeDirectory(directory("disk"))
    let image = try Files.open(directory("disk.img"), O_WRONLY | O_CREAT, mode: 0o600)
    try image.truncate(to: 160 << 20)
    for command in [
      ["/usr/sbin/mkfs.btrfs", "-q", directory("disk.img")], ["/usr/bin/mount", "-o", "loop", directory("disk.img"), directory("disk")],
    ] {
      let run = try Command.run(command)
      guard run.succeeded else { throw BerthError(.unavailable, "make btrfs", cause: run.output) }
    }
  }

  deinit { umount2(directory("disk"), 0) }
}

@Suite(
  "copies that share blocks",
  .enabled(if: geteuid() == 0 && CloningDisk.isAvailable, "needs root, mkfs.btrfs (btrfs-progs) and filefrag (e2fsprogs)"))
struct SharedBlocksTests {
  @Test("where the file system can, a container's copy shares its blocks with the image until one of the two is written")
  func clone() throws {
    let disk = try CloningDisk()
    let content = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
    var builder = ImageBuilder()
    try builder.addLayer { (tar) throws(BerthError) in
      try tar.add(.file("large", mode: 0o640), content: content)
      try tar.add(.file("small"), content: [1, 2, 3])
      try tar.add(.file("empty"), content: [])
    }
    try ImageBuilder.writeArchive(builder.layout(named: nil), to: disk.directory("image.tar"))
    let fixture = try ImageFixture(in: disk.directory, root: "disk/root", snapshotter: .copy)
    let image = try fixture.pull("oci-archive:\(disk.directory("image.tar"))")
    guard case .directory(let copy) = try fixture.service.prepareSnapshot(for: image, key: "c") else {
      Issue.record("it doesn't copy")
      return
    }
    #expect(try Files.read("\(copy)/large", limit: 2 << 20) == content && Files.status("\(copy)/large").permissions == 0o640)
    #expect(try Files.read("\(copy)/small") == [1, 2, 3] && Files.read("\(copy)/empty").isEmpty)
    #expect(try isShared("\(copy)/large"))
    try Files.writeAtomically(content, to: "\(copy)/own", mode: 0o644)
    #expect(try !isShared("\(copy)/own"), "what nobody has copied is said to be shared: this test can't tell")
    let file = try Files.open("\(copy)/large", O_WRONLY)
    try file.writeAll(Array("changed".utf8))
    #expect(try Files.read("\(image.layerDirectories[0])/large", limit: 2 << 20) == content)
  }

  /// Whether all of the file's extents are another's, too.
  private func isShared(_ path: String) throws -> Bool {
    let run = try Command.run("/usr/sbin/filefrag", "-s", "-v", path)
    let extents = run.output.split(separator: "\n").filter { $0.contains("..") }
    #expect(run.succeeded && !extents.isEmpty, "\(run.output)")
    return extents.allSatisfy { $0.contains("shared") }
  }
}
