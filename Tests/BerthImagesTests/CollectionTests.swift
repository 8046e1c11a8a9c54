import BerthCore
import BerthLinux
import BerthOCI
import BerthStore
import Glibc
import ImageFixtures
import Testing

@testable import BerthImages

private func digest(_ fill: String) throws -> Digest { try #require(Digest("sha256:" + String(repeating: fill, count: 64))) }

@Suite("which images go to make room")
struct CollectionPolicyTests {
  typealias Candidate = CollectionPolicy.Candidate
  static let space = DiskSpace(capacity: 1000, available: 100)

  @Test(
    "nothing below the high mark, then as much as the low mark asks for",
    arguments: [
      (available: Int64(160), excess: Int64(0)), (available: 159, excess: 41), (available: 150, excess: 50), (available: 0, excess: 200),
    ])
  func excess(available: Int64, excess: Int64) {
    #expect(CollectionPolicy().excess(DiskSpace(capacity: 1000, available: available)) == excess)
    #expect(CollectionPolicy(highPercent: 100).excess(DiskSpace(capacity: 1000, available: available)) == 0)
  }

  @Test("the one used longest ago goes first, never used ones by age; pinned, used and young ones stay")
  func order() throws {
    func image(_ fill: String, created: Int64, used: Int64, pinned: Bool = false) throws -> Candidate {
      Candidate(manifest: try digest(fill), created: created, lastUsed: used, isPinned: pinned)
    }
    let images = [
      try image("a", created: 10, used: 500), try image("b", created: 20, used: 400), try image("c", created: 30, used: 0),
      try image("d", created: 5, used: 0, pinned: true), try image("e", created: 6, used: 0), try image("f", created: 950, used: 0),
      try image("0", created: 20, used: 0),
    ]
    let order = CollectionPolicy().order(images, inUse: [try digest("e")], now: 1000)
    #expect(order.map { String($0.manifest.hex.prefix(1)) } == ["0", "c", "b", "a"])
  }
}

@Suite("notes of use")
struct UseNotesTests {
  @Test("what is in use is noted once a day, what has gone out of use at once, and nothing else")
  func notes() throws {
    let (a, b) = (try digest("a"), try digest("b"))
    var notes = UseNotes()
    let hour: Int64 = 3600
    #expect(notes.due(inUse: [a], now: hour) == [])
    #expect(notes.due(inUse: [a, b], now: 2 * hour) == [])
    #expect(notes.due(inUse: [a, b], now: 25 * hour - 1) == [])
    #expect(notes.due(inUse: [a, b], now: 25 * hour) == [a])
    #expect(notes.due(inUse: [a], now: 25 * hour + 1) == [b])
    #expect(notes.due(inUse: [a], now: 30 * hour) == [], "told once")
    #expect(notes.due(inUse: [a], now: 49 * hour) == [a])
    #expect(notes.due(inUse: [], now: 50 * hour) == [a])
    #expect(notes.due(inUse: [], now: 99 * hour) == [])
  }
}

@Suite("collection", .enabled(if: geteuid() == 0, "unpacking needs root"))
struct CollectionTests {
  let fixture: ImageFixture
  init() throws { fixture = try ImageFixture() }

  @discardableResult
  private func add(_ text: String, pinned: Bool = false) throws -> Digest {
    var builder = ImageBuilder(config: ImageConfig(cmd: [text]))
    try builder.addLayer { (tar) throws(BerthError) in try tar.add(.file("f"), content: Array(text.utf8)) }
    try ImageBuilder.writeArchive(builder.layout(named: nil), to: fixture.directory("\(text).tar"))
    let name = ImportRequest.Naming.tag(try RegistryReference("x/\(text):1"))
    return try fixture.service.importImages(ImportRequest(path: fixture.directory("\(text).tar"), naming: name, isPinned: pinned))[0].digest
  }

  private func names() throws -> [String] { try fixture.service.images().map { $0.config.cmd.joined() }.sorted() }

  @Test("a full disk loses unused images until there is room, and says when that is not enough")
  func collect() throws {
    for text in ["one", "two", "used"] { try add(text) }
    try add("pinned", pinned: true)
    let used = try #require(try fixture.service.lookup(try ImageReference("x/used:1")))
    _ = try fixture.service.prepareSnapshot(for: used, key: "k")
    let policy = CollectionPolicy(minimumAge: .zero)
    #expect(try fixture.service.collect(policy, measure: { _ in DiskSpace(capacity: 1000, available: 500) }).freed == 0)
    #expect(try fixture.service.metadata.image("docker.io/x/used:1")?.lastUsed == 0, "what is in use needs no note")
    // Room is there as soon as one image is gone.
    let service = fixture.service
    let outcome = try service.collect(
      policy,
      measure: { _ throws(Errno) in
        DiskSpace(capacity: 1000, available: ((try? service.metadata.images().count) ?? 0) < 4 ? 500 : 50)
      })
    #expect(outcome.removed.count == 1 && !outcome.isShort && outcome.freed > 0)
    #expect(try names().count == 3)
    let short = try service.collect(policy, measure: { _ in DiskSpace(capacity: 1000, available: 50) })
    #expect(short.isShort)
    #expect(try names() == ["pinned", "used"])
    try service.removeSnapshot(key: "k")
    _ = try service.collect(policy, measure: { _ in DiskSpace(capacity: 1000, available: 500) })
    #expect(try service.metadata.image("docker.io/x/used:1")?.lastUsed ?? 0 > 0, "it has gone out of use")
  }

  @Test("young images stay, however full the disk is")
  func young() throws {
    try add("young")
    let outcome = try fixture.service.collect(CollectionPolicy(), measure: { _ in DiskSpace(capacity: 1000, available: 0) })
    #expect(outcome.removed.isEmpty && outcome.isShort)
  }

  @Test("B23: what a pull's lease protects outlives a prune; without the lease it goes")
  func leases() throws {
    let digest = try add("leased")
    let image = try #require(try fixture.service.image(digest: digest))
    let store = fixture.service.metadata
    try fixture.service.remove(try ImageReference("x/leased:1"))
    // As a pull that finds all of it here: it looks at the blobs, and counts on the layer.
    let lease = LeaseRecord(id: "pull-1", kind: .pull, subject: "x", created: Clock.wallNanoseconds())
    try store.addLease(lease, [.layer(image.chainIDs[0])])
    let blobs = try ContentStore(root: fixture.directory("root/content"), marksUse: true)
    #expect(try blobs.open(digest) != nil)
    try fixture.service.prune()
    #expect(Files.exists(image.layerDirectories[0]))
    #expect(try fixture.service.blobs().map(\.digest) == [digest], "only the blob that it looked at")
    try store.removeLease(lease.id)
    try fixture.service.prune()
    #expect(!Files.exists(image.layerDirectories[0]))
    #expect(try fixture.service.blobs().isEmpty)
  }

  @Test("a scrub finds the one blob that a disk has changed; its image is fetched again, others stay")
  func scrub() throws {
    let damaged = try add("damaged")
    try add("sound")
    #expect(try fixture.service.scrub().damaged.isEmpty)
    let path = fixture.service.path(ofBlob: damaged)
    var bytes = try Files.read(path)
    bytes[bytes.count / 2] ^= 1
    try Files.writeAtomically(bytes, to: path)
    let outcome = try fixture.service.scrub()
    #expect(outcome.damaged == [damaged] && outcome.blobs == 6)
    #expect(try fixture.service.lookup(try ImageReference("x/damaged:1")) == nil)
    #expect(try fixture.service.lookup(try ImageReference("x/sound:1")) != nil)
    try add("damaged")
    #expect(try fixture.service.scrub().damaged.isEmpty)
  }

  @Test("a daemon that starts drops the leases of the pulls that died with the last one")
  func deadLeases() throws {
    try fixture.service.metadata.addLease(LeaseRecord(id: "pull-1", kind: .pull, subject: "x", created: 1))
    #expect(try fixture.reopened().metadata.leases(.pull).isEmpty)
  }

  @Test("bundles are imported and pinned, again when they change, and one that is broken hinders none")
  func bundles() throws {
    let directory = fixture.directory("bundles")
    try Files.makeDirectory(directory)
    func bundle(_ text: String, as file: String) throws {
      var builder = ImageBuilder(config: ImageConfig(cmd: [text]))
      try builder.addLayer { (tar) throws(BerthError) in try tar.add(.file("f"), content: Array(text.utf8)) }
      try ImageBuilder.writeArchive(builder.layout(named: "edge/app:1"), to: "\(directory)/\(file)")
    }
    try bundle("first", as: "app.tar")
    try fixture.directory.write("bundles/broken.tar", [1, 2, 3])
    try fixture.directory.write("bundles/.hidden", [1])
    let outcomes = try fixture.service.importBundles(directory)
    #expect(outcomes.map { Files.name(of: $0.path) } == ["app.tar", "broken.tar"])
    #expect(try outcomes[0].result.get().map(\.names) == [["docker.io/edge/app:1"]])
    #expect(throws: BerthError.self) { try outcomes[1].result.get() }
    let reference = try ImageReference("edge/app:1")
    #expect(try fixture.service.lookup(reference)?.isPinned == true)
    // What is known isn't read again; what failed is.
    #expect(try fixture.service.importBundles(directory).map { Files.name(of: $0.path) } == ["broken.tar"])
    try bundle("second", as: "app.tar")
    try fixture.service.importBundles(directory)
    #expect(try fixture.service.lookup(reference)?.config.cmd == ["second"])
    // Removed by hand, it is back at the next look.
    try fixture.service.remove(reference)
    try fixture.service.importBundles(directory)
    #expect(try fixture.service.lookup(reference) != nil)
  }
}
