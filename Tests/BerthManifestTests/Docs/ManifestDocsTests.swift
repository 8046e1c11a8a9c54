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

  @Test("the generated reference says of no key what the decoder doesn't: `berth validate --reference` writes it anew")
  func reference() throws {
    let page = try #require(TestFiles.read(TestFiles.repository + "/docs/manifest-reference.md"))
    let generated = Set(ManifestSchema.reference().split(separator: "\n"))
    let rows = String(decoding: page, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix("| `") }
    #expect(rows.count > 50)
    // A key that has begun to work may still be told as one that doesn't, until the page is written anew.
    for row in rows where !row.contains("not supported yet") { #expect(generated.contains(row), "\(row)") }
  }

  @Test("it names every key, and those that aren't supported yet in a list that says so")
  func keys() throws {
    let text = try text()
    let paragraphs = text.split(separator: "\n\n")
    func check(_ table: KeyTable) {
      for key in table.keys where key.name != "init_container" && key.name != "container" && key.name != "volume" {
        #expect(text.contains("`\(key.name)") || text.contains(" \(key.name)"), "\(key.name)")
        if !key.isSupported {
          let refused = paragraphs.contains { $0.lowercased().contains("not supported yet") && $0.contains("`\(key.name)`") }
          #expect(refused, "\(key.name) of \(table.title)")
        }
        if let inner = key.type.innerTable, key.isSupported { check(inner) }
      }
    }
    check(ManifestSchema.pod)
    check(ManifestSchema.container(isInit: true))
    check(ManifestSchema.volume)
  }
}
