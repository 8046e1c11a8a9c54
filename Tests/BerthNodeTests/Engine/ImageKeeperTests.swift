import BerthArchive
import BerthCore
import BerthImages
import BerthLinux
import BerthManifest
import BerthNode
import BerthOCI
import BerthStore
import BerthTestSupport
import Glibc
import ImageFixtures
import Testing

@Suite("image keeper", .enabled(if: geteuid() == 0, "unpacking needs root"))
struct ImageKeeperTests {
  private func importImage(_ text: String, _ fixture: ImageFixture) throws {
    var builder = ImageBuilder(config: ImageConfig(cmd: ["/hello"]))
    try builder.addLayer { (tar) throws(BerthError) in try tar.add(.file("hello"), content: Array(text.utf8)) }
    try ImageBuilder.writeArchive(builder.layout(named: nil), to: fixture.directory("a.tar"))
    _ = try fixture.service.importImages(ImportRequest(path: fixture.directory("a.tar")))
  }

  @Test("what was unpacked comes to the disk soon, without being asked for: before the keeper's start, and again and again after it")
  func settles() throws {
    let fixture = try ImageFixture()
    let metadata = fixture.service.metadata
    try importImage("before", fixture)
    #expect(try metadata.layers().map(\.boot) != [nil])
    let events = EventLog { Timestamp(nanoseconds: 0) }
    var settings = NodeConfiguration().images
    settings.gc.highPercent = 100
    ImageKeeper(images: fixture.service, events: events, settings: settings, arrived: {}).start()
    try eventually("what was there is settled") { try metadata.layers().map(\.boot) == [nil] }
    for (number, text) in ["one", "two"].enumerated() {
      try importImage(text, fixture)
      try eventually("\(text) is settled") { try metadata.layers().map(\.boot) == Array(repeating: nil, count: number + 2) }
    }
    #expect(events.follow().past.allSatisfy { $0.reason != "ImageSyncFailed" })
  }
}
