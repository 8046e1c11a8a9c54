import Testing

@testable import BerthManifest

@Suite("docs/manifest.md")
struct ManifestDocsTests {
  private func text() throws -> String {
    String(decoding: try #require(TestFiles.read(TestFiles.repository + "/docs/manifest.md")), as: UTF8.self)
  }

  @Test("its examples are good manifests")
  func examples() throws {
    let blocks = try text().split(separator: "```toml\n").dropFirst().map {
      $0.prefix(upTo: $0.firstRange(of: "```")?.lowerBound ?? $0.endIndex)
    }
    #expect(blocks.count >= 2)
    for block in blocks { #expect(problems(String(block)) == []) }
  }

  @Test("the generated reference is of today's keys: `berth validate --reference` writes it anew")
  func reference() throws {
    let page = try #require(TestFiles.read(TestFiles.repository + "/docs/manifest-reference.md"))
    let generated = ManifestSchema.reference().split(separator: "\n")
    let lines = String(decoding: page, as: UTF8.self).split(separator: "\n")
    for (line, wanted) in zip(lines, generated) { #expect(line == wanted) }
    #expect(lines.count == generated.count)
  }

  @Test("it names every key")
  func keys() throws {
    let text = try text()
    func check(_ table: KeyTable) {
      for key in table.keys where key.name != "init_container" && key.name != "container" && key.name != "volume" {
        #expect(text.contains("`\(key.name)") || text.contains(" \(key.name)"), "\(key.name)")
        if let inner = key.type.innerTable { check(inner) }
      }
    }
    check(ManifestSchema.pod)
    check(ManifestSchema.container(isInit: true))
    check(ManifestSchema.volume)
  }
}
