import BerthArchive
import BerthCore
import BerthImages
import BerthLinux
import BerthOCI
import Glibc
import ImageFixtures
import Testing

@Suite("snapshots and pruning", .enabled(if: geteuid() == 0, "unpacking needs root"))
struct SnapshotTests {
  let fixture: ImageFixture
  init() throws { fixture = try ImageFixture() }

  private func image(_ text: String, root: TarEntry = .directory("./", mode: 0o751, uid: 3, gid: 4)) throws -> Image {
    var builder = ImageBuilder()
    try builder.addLayer { (tar) throws(BerthError) in
      try tar.add(root)
      try tar.add(.file("file"), content: Array(text.utf8))
    }
    try ImageBuilder.writeArchive(builder.layout(named: nil), to: fixture.directory("\(text).tar"))
    return try fixture.pull("oci-archive:\(fixture.directory("\(text).tar"))")
  }

  @Test("overlayfs' directories are a container's own, the upper one looks like the image's root")
  func prepare() throws {
    let image = try image("a")
    let mount = try fixture.service.prepareSnapshot(for: image, key: "uid-web-0")
    guard case .overlay(let lower, let upper, let work) = mount else {
      Issue.record("/tmp is no place for overlayfs: \(fixture.service.snapshotter)")
      return
    }
    #expect(lower == image.layerDirectories)
    let status = try Files.status(upper)
    #expect((status.permissions, status.uid, status.gid) == (0o751, 3, 4))
    #expect(try Files.list(upper).isEmpty && Files.list(work).isEmpty)
  }

  @Test("B11: nobody but root gets to what is being unpacked, and one pull alone writes there")
  func unreachable() throws {
    let image = try image("a")
    for path in ["root/snapshots", "root/snapshots/l", "root/snapshots/active", "root/content", "root/content/ingest"] {
      let status = try Files.status(fixture.directory(path))
      #expect((status.permissions & 0o077, status.uid) == (0, geteuid()), "\(path)")
    }
    // Each layer has a directory that nobody else was granted.
    #expect(Set(image.layerDirectories).count == image.chainIDs.count)
  }

  @Test("pruning takes what neither an image nor a snapshot needs")
  func prune() throws {
    let (one, two, three) = (try image("a"), try image("b"), try image("c"))
    _ = try fixture.service.prepareSnapshot(for: two, key: "running")
    for image in [two, three] { try fixture.service.remove(try ImageReference(image.requested)) }
    #expect(try fixture.service.prune() > 0)
    #expect(Files.exists(one.layerDirectories[0]) && Files.exists(two.layerDirectories[0]) && !Files.exists(three.layerDirectories[0]))
    #expect(try fixture.service.lookup(try ImageReference(one.requested)) == one)
    #expect(throws: BerthError.self, "its layers are gone") { try fixture.service.prepareSnapshot(for: three, key: "late") }
    #expect(fixture.service.snapshotKeys() == ["running"])
    try fixture.service.removeSnapshot(key: "running")
    try fixture.service.prune()
    #expect(!Files.exists(two.layerDirectories[0]))
    #expect(try fixture.service.prune() == 0)
    // Pulled again, it is as good as new.
    let again = try fixture.pull(three.requested)
    _ = try fixture.service.prepareSnapshot(for: again, key: "late")
    #expect(throws: BerthError.self) { try fixture.service.remove(try ImageReference("docker.io/library/nothing:1")) }
  }

  @Test("layers that a daemon left unfinished are gone after its restart, others stay")
  func leftovers() throws {
    let image = try image("a")
    let chain = Digest.pruneTest
    _ = try fixture.service.metadata.addLayer(chain: chain, diff: chain, parent: nil, created: 1)
    try fixture.directory.write("root/snapshots/l/2/half", [1])
    try fixture.directory.write("root/snapshots/l/99/stray", [1])
    try fixture.directory.write("root/content/ingest/half", [1])
    let service = try fixture.reopened()
    #expect(try Files.list(fixture.directory("root/snapshots/l")) == ["1"])
    #expect(try Files.list(fixture.directory("root/content/ingest")).isEmpty)
    #expect(try service.lookup(try ImageReference(image.requested)) == image)
    #expect(try service.metadata.layer(chain) == nil)
  }
}

extension Digest {
  fileprivate static var pruneTest: Digest { Digest(sha256: [UInt8](repeating: 7, count: 32)) ?? .sha256(of: []) }
}
