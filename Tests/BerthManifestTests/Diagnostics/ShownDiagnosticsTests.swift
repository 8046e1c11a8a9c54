import BerthCore
import Testing

@testable import BerthManifest

@Suite("Diagnostics as status, events and logs show them")
struct ShownDiagnosticsTests {
  private func lines(_ text: String) -> [String?] {
    ManifestDecoder.decode(Array(text.utf8), file: "/m/web.toml").shownDiagnostics.map(\.sourceLine)
  }

  @Test("the offending line is shown")
  func line() { #expect(lines("imge = \"a\"\n[[container]]\nimage = \"a:1\"\n") == ["imge = \"a\""]) }

  @Test("but for a line that may be a secret's, and for what follows it until the next table")
  func secrets() {
    let head = "[[container]]\nimage = \"a:1\"\nimge = 1\n"
    let volume = "[[volume]]\nname = \"s\"\nsecret = { files = { \"key\" = 12345 } }\n"
    #expect(lines(head + volume + "\n[[volume]]\nname = 1\n") == ["imge = 1", nil, "[[volume]]", "name = 1"])
    #expect(lines(head + "[[volume]]\nname = \"s\"\n[volume.secret.files]\nkey = 12345\n") == ["imge = 1", nil])
  }

  @Test("in a file that is no TOML nothing is shown from there on")
  func broken() {
    let text = "[[volume]]\nname = \"s\"\n[volume.secret.files]\nkey = \"\"\"\nhunter2\n[x\n"
    #expect(lines(text).allSatisfy { $0 == nil } && !lines(text).isEmpty)
  }

  @Test("they come back from JSON as they were")
  func roundTrip() throws {
    let all = ManifestDecoder.decode(Array("imge = \"a\"\nport = 3\n".utf8), file: "/m/web.toml").diagnostics
    #expect(all.count > 1)
    for diagnostic in all { #expect(Diagnostic(json: diagnostic.json) == diagnostic) }
    #expect(Diagnostic(json: ["file": "x"]) == nil)
  }

  @Test("control characters of a hostile file don't reach the terminal")
  func control() {
    let rendered = ManifestDecoder.decode(Array("\"a\\u001bb\" = 1\n".utf8), file: "/m/web.toml").diagnostics.map(\.rendered).joined()
    #expect(!rendered.unicodeScalars.contains("\u{1b}") && !rendered.isEmpty)
  }
}
