import BerthArchive
import BerthCore
import BerthImages
import BerthLinux
import Glibc
import ImageFixtures
import Testing

@Suite("copying images", .enabled(if: geteuid() == 0, "unpacking needs root"))
struct CopyingTests {
  private func image(_ place: SnapshotPlace, bytes: Int = 10) throws -> Image {
    try ImageBuilder.writeArchive(try ImageBuilder.sample(bytes: bytes).layout(named: nil), to: place.directory("image.tar"))
    return try place.fixture.pull("oci-archive:\(place.directory("image.tar"))")
  }

  @Test("overlayfs that was asked for and can't be is an error that says why, and what helps")
  func impossible() throws {
    let place = try SnapshotPlace(.copyAlone)
    let error = #expect(throws: BerthError.self) {
      try ImageFixture(in: place.directory, root: "nested/other", snapshotter: .overlay)
    }
    #expect(error?.code == .failedPrecondition)
    #expect(error?.cause.contains("whiteouts") == true && error?.cause.contains("\"auto\"") == true)
  }

  @Test("a node changes from overlayfs to copying and back with the layers that it has")
  func change() throws {
    let directory = try TemporaryDirectory()
    let first = try ImageFixture(in: directory)
    try ImageBuilder.writeArchive(try ImageBuilder.sample(bytes: 10).layout(named: nil), to: directory("image.tar"))
    let image = try first.pull("oci-archive:\(directory("image.tar"))")
    let copying = try ImageFixture(in: directory, snapshotter: .copy).service
    let found = try #require(try copying.lookup(try ImageReference(image.requested)))
    #expect(found == image)
    guard case .directory(let path) = try copying.prepareSnapshot(for: found, key: "c") else {
      Issue.record("it doesn't copy")
      return
    }
    #expect(try Files.list(path) == ["layer-0", "layer-1"])
    let again = try ImageFixture(in: directory).service
    guard case .overlay = try again.prepareSnapshot(for: found, key: "o") else {
      Issue.record("it copies")
      return
    }
    #expect(again.snapshotKeys() == ["c", "o"])
  }

  @Test("a copy that was interrupted has no name, is found, and goes; a view's draft goes at the start")
  func interrupted() throws {
    let place = try SnapshotPlace(.copy)
    let image = try image(place)
    _ = try place.service.prepareSnapshot(for: image, key: "c")
    let active = place.directory("root/snapshots/active/c")
    try Files.rename("\(active)/fs", to: "\(active)/draft")
    try place.directory.write("root/snapshots/views/aa.17/half", [1])
    let service = try place.reopened()
    #expect(try Files.list(place.directory("root/snapshots/views")).isEmpty)
    let error = #expect(throws: BerthError.self) { try service.prepareSnapshot(for: image, key: "c") }
    #expect(error?.code == .alreadyExists)
    try service.removeSnapshot(key: "c")
    _ = try service.prepareSnapshot(for: image, key: "c")
    #expect(try Files.list(active) == ["fs"])
  }

  @Test("a disk that is too small for a copy leaves nothing of it behind")
  func full() throws {
    let directory = try TemporaryDirectory()
    try Files.makeDirectory(directory("small"))
    try call { mount("tmpfs", directory("small"), "tmpfs", 0, "size=6m") }
    defer { umount2(directory("small"), Int32(MNT_DETACH)) }
    let fixture = try ImageFixture(in: directory, root: "small/root", snapshotter: .copy)
    try ImageBuilder.writeArchive(try ImageBuilder.sample(layers: 1, bytes: 1 << 20).layout(named: nil), to: directory("image.tar"))
    let image = try fixture.pull("oci-archive:\(directory("image.tar"))")
    var error: BerthError?
    var made = 0
    while error == nil, made < 10 {
      do throws(BerthError) {
        _ = try fixture.service.prepareSnapshot(for: image, key: "c\(made)")
        made += 1
      } catch let failure { error = failure }
    }
    #expect(error?.code == .resourceExhausted, "\(String(describing: error))")
    #expect(made > 0 && fixture.service.snapshotKeys().count == made)
  }

  @Test("deep trees are merged at any depth; a symlink in an upper layer hides the directory below it")
  func deep() throws {
    let directory = try TemporaryDirectory()
    let names = (0..<200).map { "d\($0)" }.joined(separator: "/")
    for layer in ["a", "b"] { try directory.write("\(layer)/\(names)/\(layer)", [1]) }
    try Files.createSymlink(directory("a/out"), target: "/etc")
    try directory.write("b/out/below", [1])
    try Files.makeDirectory(directory("target"))
    try LayerMerge(
      [directory("a"), directory("b")], into: try directory.directory("target"), marks: .overlay, method: .copy
    ).run()
    #expect(try Files.list(directory("target/\(names)")) == ["a", "b"])
    #expect(try Files.linkStatus(directory("target/out")).kind == .symlink)
  }
}
