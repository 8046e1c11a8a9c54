import BerthCore
import BerthLinux
import BerthStore
import CSQLite
import Glibc
import ImageFixtures
import Testing

@Suite("metadata store")
struct MetadataStoreTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  private func digest(_ fill: Character) throws -> Digest { try #require(Digest("sha256:" + String(repeating: fill, count: 64))) }

  private func sqlite(_ path: String, _ script: String) throws {
    var handle: OpaquePointer?
    #expect(sqlite3_open(path, &handle) == SQLITE_OK)
    defer { sqlite3_close(handle) }
    #expect(sqlite3_exec(handle, script, nil, nil, nil) == SQLITE_OK, "\(handle.map { String(cString: sqlite3_errmsg($0)) } ?? "")")
  }

  @Test("a database of version 1, as Berth first wrote it, opens and gives its records back")
  func fixtureVersion1() throws {
    let script = try Files.readText(Files.parent(of: #filePath) + "/Fixtures/meta-v1.sql")
    try sqlite(directory("meta.db"), script)
    let store = try MetadataStore(path: directory("meta.db"))
    let image = try #require(try store.image("docker.io/library/nginx:1.27"))
    #expect(image.manifest == (try digest("a")))
    #expect(image.index == (try digest("b")))
    #expect(image.created == 1_700_000_000)
    #expect(try store.layers().map(\.id) == [1, 2])
    #expect(try store.layer(try digest("d"))?.parent == (try digest("c")))
    #expect(try store.layer(try digest("c"))?.isReady == true)
    // Programs of that time waited for the disk.
    #expect(try store.layer(try digest("c"))?.boot == nil)
    #expect(try store.lastGood(namespace: "default", name: "web")?.content == Array("name = \"web\"\n".utf8))
    // Identifiers go on where they were, also after the highest was removed.
    try store.removeLayer(2)
    #expect(try store.addLayer(chain: try digest("e"), diff: try digest("e"), parent: nil, created: 1) == 3)
  }

  @Test("a database of revision 2 opens and gives its records back")
  func fixtureRevision2() throws {
    try sqlite(directory("meta.db"), try Files.readText(Files.parent(of: #filePath) + "/Fixtures/meta-v1-revision2.sql"))
    let store = try MetadataStore(path: directory("meta.db"))
    let image = try #require(try store.image("docker.io/library/nginx:1.27"))
    #expect(image.isPinned && image.lastUsed == 1_700_000_100)
    #expect(
      try store.leases(.mount) == [LeaseRecord(id: "mount-/mnt", kind: .mount, subject: "/mnt", created: 1_700_000_000_000_000_000)])
    #expect(try store.leasedImages() == [try digest("a")])
    #expect(try store.bundles() == ["/bundles/a.tar": "1:2:3"])
  }

  @Test("a database of revision 4 opens and gives its records back")
  func fixtureRevision4() throws {
    try sqlite(directory("meta.db"), try Files.readText(Files.parent(of: #filePath) + "/Fixtures/meta-v1-revision4.sql"))
    let store = try MetadataStore(path: directory("meta.db"))
    #expect(try store.image("docker.io/library/nginx:1.27")?.isPinned == true)
    let rollouts = try store.rollouts()
    #expect(rollouts.map(\.name) == ["web"])
    #expect(rollouts.first.map { String(decoding: $0.content, as: UTF8.self) }?.contains("\"outcome\":\"good\"") == true)
    #expect(try store.namespaces().contains("team-a"))
  }

  @Test("a database of revision 5 opens and gives its records back")
  func fixtureRevision5() throws {
    try sqlite(directory("meta.db"), try Files.readText(Files.parent(of: #filePath) + "/Fixtures/meta-v1-revision5.sql"))
    let pasts = try MetadataStore(path: directory("meta.db")).pasts()
    #expect(pasts.map(\.name) == ["web"] && pasts.map(\.namespace) == ["default"])
    #expect(try JSON(parsing: pasts.first?.content ?? [])["containers"]?["job"]?["attempt"]?.integer == 2)
  }

  @Test("a database of revision 6 opens and gives its records back")
  func fixtureRevision6() throws {
    try sqlite(directory("meta.db"), try Files.readText(Files.parent(of: #filePath) + "/Fixtures/meta-v1-revision6.sql"))
    let store = try MetadataStore(path: directory("meta.db"))
    #expect(try store.layers().map(\.boot) == [nil, nil, "b1"])
    try store.setDurable([3])
    #expect(try store.layers().map(\.boot) == [nil, nil, nil])
  }

  @Test("pods' pasts are put, replaced and removed in one step")
  func pasts() throws {
    let store = try MetadataStore(path: directory("meta.db"))
    let first = PodContent(namespace: "n", name: "a", content: [1])
    try store.changePasts(put: [first, PodContent(namespace: "n", name: "b", content: [2])], remove: [("n", "none")])
    try store.changePasts(put: [PodContent(namespace: "n", name: "b", content: [3])], remove: [("n", "a")])
    #expect(try MetadataStore(path: directory("meta.db")).pasts() == [PodContent(namespace: "n", name: "b", content: [3])])
  }

  @Test("a lease protects its images until it is removed; another of that name is refused")
  func leases() throws {
    let store = try MetadataStore(path: directory("meta.db"))
    let lease = LeaseRecord(id: "l", kind: .pull, subject: "r", created: 5)
    try store.addLease(lease, [.image(try digest("a")), .layer(try digest("b"))])
    #expect(throws: BerthError.self) { try store.addLease(lease) }
    #expect(try store.leases(.pull, .export) == [lease])
    #expect(try store.leases(.mount).isEmpty)
    #expect(try MetadataStore(path: directory("meta.db")).leasedImages() == [try digest("a")])
    try store.removeLease("l")
    #expect(try store.leasedImages().isEmpty)
    try store.removeLease("l")
  }

  @Test("an image stays pinned when its name is pulled again, until it is unpinned")
  func pinned() throws {
    let store = try MetadataStore(path: directory("meta.db"))
    var record = ImageRecord(reference: "r", manifest: try digest("a"), mediaType: "m", index: nil, source: nil, created: 9, isPinned: true)
    try store.putImage(record)
    record.isPinned = false
    record.manifest = try digest("b")
    try store.putImage(record)
    #expect(try store.image("r")?.isPinned == true)
    #expect(try store.pinImage("r", false))
    #expect(try !store.pinImage("none", true))
    try store.setLastUsed([try digest("b")], 77)
    #expect(try store.image("r")?.lastUsed == 77 && store.image("r")?.isPinned == false)
  }

  @Test("a database of a later version is refused and left alone")
  func newer() throws {
    _ = try MetadataStore(path: directory("meta.db"))
    try sqlite(directory("meta.db"), "UPDATE meta SET value = '99' WHERE key = 'version'")
    do throws(BerthError) {
      _ = try MetadataStore(path: directory("meta.db"))
      Issue.record("opened")
    } catch {
      #expect(error.code == .failedPrecondition && error.cause.contains("version 99") && error.cause.contains("newer Berth"))
    }
  }

  @Test("additions of a later program don't hinder this one, and this one's don't hinder the first: a downgrade works")
  func revisions() throws {
    _ = try MetadataStore(path: directory("meta.db"))
    try sqlite(directory("meta.db"), "UPDATE meta SET value = '99' WHERE key = 'revision'; CREATE TABLE novel (x TEXT)")
    let store = try MetadataStore(path: directory("meta.db"))
    #expect(try store.images().isEmpty)
    // The first program looks at the version alone.
    try sqlite(
      directory("meta.db"),
      "CREATE TABLE check_version (ok CHECK (ok)); INSERT INTO check_version SELECT value = '1' FROM meta WHERE key = 'version'")
  }

  @Test("containers made by hand are added once, listed and removed")
  func handMade() throws {
    let store = try MetadataStore(path: directory("meta.db"))
    let record = HandMadeRecord(namespace: "n", name: "c", content: [1, 2], created: 7)
    try store.addHandMade(record)
    #expect(throws: BerthError.self) { try store.addHandMade(record) }
    #expect(try store.handMade() == [record])
    #expect(try store.removeHandMade(namespace: "n", name: "c"))
    #expect(try !store.removeHandMade(namespace: "n", name: "c"))
  }

  @Test("what is no database is refused")
  func garbage() throws {
    try directory.write("meta.db", Array(String(repeating: "not a database ", count: 100).utf8))
    #expect(throws: BerthError.self) { try MetadataStore(path: directory("meta.db")) }
  }

  @Test("last good manifests are put, replaced, listed and removed")
  func lastGood() throws {
    let store = try MetadataStore(path: directory("meta.db"))
    var record = LastGoodRecord(namespace: "n", name: "p", path: "/m/p.toml", hash: "h", content: [0, 1, 255], updated: 5)
    #expect(try store.lastGood(namespace: "n", name: "p") == nil)
    try store.putLastGood(record)
    record.content = []
    try store.putLastGood(record)
    #expect(try store.lastGood() == [record])
    #expect(try MetadataStore(path: directory("meta.db")).lastGood(namespace: "n", name: "p") == record)
    #expect(try store.removeLastGood(namespace: "n", name: "p"))
    #expect(try !store.removeLastGood(namespace: "n", name: "p"))
  }

  @Test("an image and the layers it made ready are recorded as one step")
  func images() throws {
    let store = try MetadataStore(path: directory("meta.db"))
    let id = try store.addLayer(chain: try digest("c"), diff: try digest("c"), parent: nil, created: 1)
    #expect(try store.layer(try digest("c"))?.isReady == false)
    #expect(throws: BerthError.self) { try store.addLayer(chain: try digest("c"), diff: try digest("c"), parent: nil, created: 1) }
    let record = ImageRecord(reference: "r", manifest: try digest("a"), mediaType: "m", index: nil, source: "s", created: 9)
    let chain = try digest("c")
    let ready = LayerRecord(id: id, chain: chain, diff: chain, parent: nil, isReady: false, size: 77, boot: "b")
    #expect(try store.putImage(record, readyLayers: [ready]).isEmpty)
    #expect(try store.images() == [record])
    let layer = try #require(try store.layer(try digest("c")))
    #expect(layer.isReady && layer.size == 77)
    #expect(try store.removeImage("r"))
    #expect(try store.image("r") == nil)
  }

  @Test("a layer that two have begun becomes that one's who is ready first; the other's is surplus")
  func layersOfTwo() throws {
    let store = try MetadataStore(path: directory("meta.db"))
    let chain = try digest("c")
    try store.addLease(LeaseRecord(id: "pull", kind: .pull, subject: "s", created: 1))
    func claim(whole: Bool = true) throws -> LayerRecord {
      try #require(try store.claimLayers([(chain, chain, nil)], lease: "pull", created: 1, boot: "b") { _ in whole }.first)
    }
    for isFirstReady in [true, false] {
      let (first, second) = (try claim(whole: false), try claim(whole: false))
      #expect(!first.isReady && !second.isReady && first.id != second.id)
      #expect(try store.layers().map(\.id) == [second.id])
      let (winner, loser) = isFirstReady ? (first, second) : (second, first)
      let record = ImageRecord(reference: "r", manifest: try digest("a"), mediaType: "m", index: nil, source: "s", created: 9)
      #expect(try store.putImage(record, readyLayers: [winner]).isEmpty)
      #expect(try store.putImage(record, readyLayers: [loser]) == [loser.id])
      #expect(try store.layers().map(\.id) == [winner.id])
      #expect(try claim() == store.layer(chain))
      // It was claimed under a lease, which keeps it.
      #expect(try !store.removeUnleasedLayer(winner.id))
    }
  }

  @Test("the store is used by several threads at once")
  func threads() throws {
    let store = try MetadataStore(path: directory("meta.db"))
    let threads = try (0..<4).map { thread in
      try NativeThread.start {
        for number in 0..<20 {
          try? store.putLastGood(LastGoodRecord(namespace: "n", name: "p\(thread)-\(number)", path: "", hash: "", content: [1], updated: 0))
        }
      }
    }
    for thread in threads { thread.join() }
    #expect(try store.lastGood().count == 80)
  }
}
