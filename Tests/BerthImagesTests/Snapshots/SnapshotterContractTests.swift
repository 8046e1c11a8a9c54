import BerthArchive
import BerthCore
import BerthImages
import BerthLinux
import BerthOCI
import Glibc
import ImageFixtures
import Testing

/// What holds for every way in which containers get their file systems.
@Suite("the snapshotters' contract", .enabled(if: geteuid() == 0, "unpacking needs root"))
struct SnapshotterContractTests {
  private static let capability: [UInt8] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]

  private func pull(_ builder: ImageBuilder, _ place: SnapshotPlace, as name: String = "image") throws -> Image {
    try ImageBuilder.writeArchive(builder.layout(named: nil), to: place.directory("\(name).tar"))
    return try place.fixture.pull("oci-archive:\(place.directory("\(name).tar"))")
  }

  private func simple(_ text: String, _ place: SnapshotPlace) throws -> Image {
    var builder = ImageBuilder()
    try builder.addLayer { (tar) throws(BerthError) in
      try tar.add(.directory("./", mode: 0o751, uid: 3, gid: 4))
      try tar.add(.file("file"), content: Array(text.utf8))
    }
    return try pull(builder, place, as: text)
  }

  /// Three layers in which each removes and replaces something of those below.
  private func stacked() throws -> ImageBuilder {
    var builder = ImageBuilder()
    var capable = TarEntry.file("kept/capable", mode: 0o755, uid: 1, gid: 2)
    capable.attributes = [("security.capability", Self.capability), ("user.note", Array("x".utf8))].map {
      TarEntry.Attribute(name: Array($0.0.utf8), value: $0.1)
    }
    try builder.addLayer { (tar) throws(BerthError) in
      try tar.add(.directory("./", mode: 0o751, uid: 3, gid: 4))
      try tar.add(.directory("kept/", mode: 0o2770, uid: 5, gid: 6))
      try tar.add(capable, content: Array("cap".utf8))
      try tar.add(.file("kept/suid", mode: 0o4755, uid: 7), content: Array("suid".utf8))
      try tar.add(.hardLink("kept/second", to: "kept/suid"))
      try tar.add(.symlink("kept/link", to: "../gone/x"))
      for name in ["gone/x", "opaque/old", "opaque/deep/old", "replaced/old", "file-for-dir", "again/below"] {
        try tar.add(.file(name), content: Array(name.utf8))
      }
      try tar.add(.node("null", .characterDevice(major: 1, minor: 3), mode: 0o666))
      try tar.add(.node("fifo", .fifo, mode: 0o640))
    }
    try builder.addLayer { (tar) throws(BerthError) in
      try tar.add(.file(".wh.gone"))
      try tar.add(.file("opaque/.wh..wh..opq"))
      try tar.add(.file("opaque/new"), content: Array("new".utf8))
      try tar.add(.file("replaced"), content: Array("a file now".utf8))
      try tar.add(.file(".wh.file-for-dir"))
      try tar.add(.file(".wh.again"))
      // Names a directory without saying how it looks: as below.
      try tar.add(.file("kept/added"), content: Array("added".utf8))
    }
    try builder.addLayer { (tar) throws(BerthError) in
      try tar.add(.directory("file-for-dir/", mode: 0o700))
      try tar.add(.file("file-for-dir/inside"), content: Array("inside".utf8))
      try tar.add(.file("again/above"), content: Array("above".utf8))
      try tar.add(.file("kept/.wh.link"))
    }
    return builder
  }

  private static let stackedListing = [
    "./ 751 3:4 * []",
    "./again/ 755 0:0 * []", "./again/above 644 0:0 1000000000 links=1 \"above\" []",
    "./fifo 640 0:0 0 links=1 fifo 0 []",
    "./file-for-dir/ 700 0:0 1100000000 []", "./file-for-dir/inside 644 0:0 1000000000 links=1 \"inside\" []",
    "./kept/ 2770 5:6 1100000000 []", "./kept/added 644 0:0 1000000000 links=1 \"added\" []",
    "./kept/capable 755 1:2 1000000000 links=1 \"cap\" [\"security.capability=\(capability)\", \"user.note=[120]\"]",
    "./kept/second 4755 7:0 1000000000 links=2 \"suid\" []", "./kept/suid 4755 7:0 1000000000 links=2 \"suid\" []",
    "./null 666 0:0 0 links=1 characterDevice 259 []",
    "./opaque/ 755 0:0 * []", "./opaque/new 644 0:0 1000000000 links=1 \"new\" []",
    "./replaced 644 0:0 1000000000 links=1 \"a file now\" []",
  ]

  /// A directory that no member named has the time of its unpacking, and overlayfs' root that of its making.
  private func comparable(_ lines: [String]) -> [String] {
    lines.map { line in
      guard ["./ ", "./again/ ", "./opaque/ "].contains(where: line.hasPrefix) else { return line }
      return line.split(separator: " ").enumerated().map { $0.offset == 3 ? "*" : String($0.element) }.joined(separator: " ")
    }
  }

  @Test("a container sees its image's layers as one tree, with all that its files have", arguments: SnapshotPlace.Kind.allCases)
  func shows(_ kind: SnapshotPlace.Kind) throws {
    let place = try SnapshotPlace(kind)
    #expect(place.service.snapshotter.kind == (kind == .overlay ? .overlay : .copy))
    #expect((place.service.snapshotter.reason != nil) == (kind == .copyAlone))
    let image = try pull(try stacked(), place)
    let root = try place.show(try place.service.prepareSnapshot(for: image, key: "c"))
    let seen = comparable(try TreeListing.of(root))
    #expect(seen == Self.stackedListing, "\(Set(seen).symmetricDifference(Self.stackedListing).sorted())")
  }

  @Test("an image that is only read looks the same, and is there as long as somebody holds it", arguments: SnapshotPlace.Kind.allCases)
  func views(_ kind: SnapshotPlace.Kind) throws {
    let place = try SnapshotPlace(kind)
    let image = try pull(try stacked(), place)
    let tree = try place.service.holdView(of: image, key: "reader-volume.x")
    #expect(try place.service.holdView(of: image, key: "other-volume.x") == tree)
    let seen = comparable(try TreeListing.of(try place.show(tree)))
    // Shared files have a name more here.
    #expect(
      seen.map { $0.replacing("links=3", with: "links=2") }.filter { !$0.contains("links=") }
        == Self.stackedListing.filter { !$0.contains("links=") })
    #expect(seen.count == Self.stackedListing.count)
    place.hide()
    try place.service.remove(try ImageReference(image.requested))
    try place.service.removeSnapshot(key: "other-volume.x")
    #expect(try place.service.prune() == 0 || Files.exists(image.layerDirectories[0]))
    #expect(comparable(try TreeListing.of(try place.show(tree))).count == Self.stackedListing.count)
    place.hide()
    try place.service.removeSnapshot(key: "reader-volume.x")
    #expect(try place.service.prune() > 0)
    #expect(!Files.exists(image.layerDirectories[0]))
    if case .directory(let path) = tree { #expect(!Files.exists(path)) }
  }

  @Test("two containers of one image see the image and not each other", arguments: SnapshotPlace.Kind.allCases)
  func separate(_ kind: SnapshotPlace.Kind) throws {
    let place = try SnapshotPlace(kind)
    let image = try simple("a", place)
    for key in ["one", "two"] {
      let root = try place.show(try place.service.prepareSnapshot(for: image, key: key))
      let status = try Files.status(root)
      #expect((status.permissions, status.uid, status.gid) == (0o751, 3, 4))
      #expect(try Files.readText("\(root)/file") == "a")
      #expect(!Files.exists("\(root)/written"))
      try Files.write("changed", to: "\(root)/file")
      try Files.writeAtomically(Array(key.utf8), to: "\(root)/written")
    }
    #expect(try Files.readText("\(image.layerDirectories[0])/file") == "a")
    #expect(place.service.snapshotKeys() == ["one", "two"])
    #expect(throws: BerthError.self, "the key is taken") { try place.service.prepareSnapshot(for: image, key: "one") }
    place.hide()
    try place.service.removeSnapshot(key: "two")
    try place.service.removeSnapshot(key: "two")
    #expect(place.service.snapshotKeys() == ["one"])
  }

  @Test("usage tells what a layer and what a container's own files occupy", arguments: SnapshotPlace.Kind.allCases)
  func usage(_ kind: SnapshotPlace.Kind) throws {
    let place = try SnapshotPlace(kind)
    var builder = ImageBuilder()
    try builder.addLayer { (tar) throws(BerthError) in try tar.add(.file("big"), content: [UInt8](repeating: 7, count: 1 << 20)) }
    let image = try pull(builder, place)
    let root = try place.show(try place.service.prepareSnapshot(for: image, key: "c"))
    let before = try place.service.usage(snapshot: "c")
    let isCopy = kind != .overlay
    #expect((before.bytes >= 1 << 20) == isCopy && before.inodes == (isCopy ? 2 : 1))
    try Files.writeAtomically([UInt8](repeating: 8, count: 1 << 20), to: "\(root)/more")
    let after = try place.service.usage(snapshot: "c")
    #expect(after.bytes - before.bytes >= 1 << 20 && after.inodes == before.inodes + 1)
    #expect(try place.service.usage(snapshot: image.chainIDs[0].description).bytes >= 1 << 20)
    #expect(try place.service.snapshots().map(\.kind) == [.committed, .active])
    #expect(throws: BerthError.self) { try place.service.usage(snapshot: "nothing") }
  }

  @Test("what a snapshot was made for survives a restart and a prune", arguments: SnapshotPlace.Kind.allCases)
  func restart(_ kind: SnapshotPlace.Kind) throws {
    let place = try SnapshotPlace(kind)
    let image = try simple("a", place)
    let root = try place.show(try place.service.prepareSnapshot(for: image, key: "c"))
    try Files.write("mine", to: "\(root)/file")
    try place.service.remove(try ImageReference(image.requested))
    let service = try place.reopened()
    #expect(service.snapshotter.kind == place.service.snapshotter.kind)
    #expect(try service.prune() == 0)
    #expect(try service.image(digest: image.digest)?.layerDirectories == image.layerDirectories)
    #expect(try Files.readText("\(root)/file") == "mine")
    #expect(try service.snapshots().map(\.parent) == [nil, image.chainIDs[0].description])
  }

  @Test("a directory of the node is a file system, holes and sockets and all", arguments: SnapshotPlace.Kind.allCases)
  func directory(_ kind: SnapshotPlace.Kind) throws {
    let place = try SnapshotPlace(kind)
    let root = place.directory("own")
    try Files.makeDirectories("\(root)/deep/er", mode: 0o755)
    let sparse = try Files.open("\(root)/sparse", O_WRONLY | O_CREAT, mode: 0o600)
    try sparse.truncate(to: 1 << 34)
    try call { pwrite(sparse.raw, "middle", 6, 1 << 33) }
    try Files.writeAtomically([1], to: "\(root)/.wh.deep")
    try call { mknod("\(root)/socket", S_IFSOCK | 0o600, 0) }
    let image = try place.fixture.pull("rootfs:\(root)")
    let shown = try place.show(try place.service.prepareSnapshot(for: image, key: "c"))
    #expect(try Files.list(shown) == [".wh.deep", "deep", "socket", "sparse"])
    let copy = try Files.status("\(shown)/sparse")
    #expect(copy.size == 1 << 34 && copy.allocatedBytes < 1 << 20)
    var middle = [UInt8](repeating: 0, count: 6)
    let copied = try Files.open("\(shown)/sparse", O_RDONLY)
    try call { pread(copied.raw, &middle, 6, 1 << 33) }
    #expect(middle == Array("middle".utf8))
    try Files.writeAtomically([1], to: "\(shown)/deep/new")
    #expect(!Files.exists("\(root)/deep/new"))
  }
}
