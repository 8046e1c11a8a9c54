import BerthArchive
import BerthCore
import BerthImages
import BerthLinux
import BerthOCI
import ImageFixtures
import Testing

@Suite("pulling from archives and layouts")
struct ArchivePullTests {
  private func sample() throws -> ImageBuilder {
    var builder = ImageBuilder(config: ImageConfig(env: ["A=1"], cmd: ["/hello"]))
    try builder.addLayer { (tar) throws(BerthError) in
      try tar.add(.directory("./"))
      try tar.add(.directory("etc/", mode: 0o755))
      try tar.add(.directory("tmp/", mode: 0o1777))
      try tar.add(.file("hello", mode: 0o4755), content: Array("hello".utf8))
    }
    try builder.addLayer { (tar) throws(BerthError) in try tar.add(.file("tmp/x"), content: Array("x".utf8)) }
    return builder
  }

  @Test("an OCI archive is imported, its layers stacked topmost first")
  func ociArchive() throws {
    let fixture = try ImageFixture()
    let builder = try sample()
    try ImageBuilder.writeArchive(builder.layout(named: "a:1"), to: fixture.directory("a.tar"))
    let reference = try ImageReference("oci-archive:a.tar:a:1", relativeTo: fixture.directory.path)
    #expect(try fixture.service.lookup(reference) == nil)
    let image = try fixture.service.pull(reference)
    #expect(image.digest == builder.descriptor(named: nil).digest)
    #expect(image.config.cmd == ["/hello"] && image.config.env == ["A=1"])
    #expect(image.layerDirectories.count == 2)
    let bottom = try #require(image.layerDirectories.last)
    #expect(try Files.readText("\(bottom)/hello") == "hello")
    #expect(try Files.status("\(bottom)/hello").permissions == 0o4755)
    // `tmp` has no member of its own in the upper layer: it looks as it does below.
    #expect(try Files.status("\(image.layerDirectories[0])/tmp").permissions == 0o1777)
    #expect(try fixture.service.lookup(reference) == image)
    #expect(try fixture.service.images() == [image])
    #expect(try fixture.reopened().lookup(reference) == image)
  }
}
