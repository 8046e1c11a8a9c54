import BerthCore
import Testing

@testable import BerthManifest

@Suite("Diagnostics")
struct DiagnosticTests {
  private func first(_ text: String) throws -> Diagnostic {
    try #require(decode(text + "\nnetwork = \"none\"\n[[container]]\nimage = \"a\"\n", file: "pods/web.toml").diagnostics.first)
  }

  @Test("a diagnostic reads like a compiler's: place, line, caret, help")
  func rendered() throws {
    #expect(
      try first("\trestart_polcy = \"always\"").rendered == """
        pods/web.toml:1:2: error: unknown key 'restart_polcy'
        \trestart_polcy = "always"
        \t^~~~~~~~~~~~~
        help: did you mean 'restart_policy'?

        """)
    #expect(
      try first("\"é\" = 1").rendered == """
        pods/web.toml:1:1: error: unknown key 'é'
        "é" = 1
        ^~~

        """)
  }

  @Test("an empty line is not shown, nor is a caret below nothing")
  func emptyFile() throws {
    let rendered = try #require(decode("", file: "pods/web.toml").diagnostics.first?.rendered)
    #expect(
      rendered == """
        pods/web.toml:1:1: error: a pod needs at least one [[container]]
        help: write [[container]], and below it image = "…"

        """)
  }

  @Test("a value of several lines is underlined on its first, and long lines are left out")
  func longRanges() throws {
    #expect(try first("hostname = [\n1,\n]").rendered.contains("\nhostname = [\n           ^\n"))
    let long = try first("nothing = \"\(String(repeating: "x", count: 600))\"")
    #expect(long.rendered == "pods/web.toml:1:1: error: unknown key 'nothing'\n")
  }

  @Test("control characters of a file don't reach the terminal")
  func controlCharacters() throws {
    let rendered = try first("a = \"\u{1B}[2J\"").rendered
    #expect(!rendered.contains("\u{1B}"))
    #expect(rendered.contains("\u{FFFD}[2J"))
  }

  @Test("as JSON it has the fields that programs read")
  func json() throws {
    let json = try first("labls = {}").json
    #expect(
      json == [
        "file": "pods/web.toml", "line": 1, "column": 1, "end_column": 6, "severity": "error", "message": "unknown key 'labls'",
        "help": "did you mean 'labels'?", "source_line": "labls = {}",
      ])
  }

  @Test(
    "the nearest word is suggested, and none where nothing is near",
    arguments: [
      ("imge", "image"), ("iamge", "image"), ("imagee", "image"), ("comand", "command"), ("restartpolicy", "restart_policy"), ("xyz", nil),
      ("", nil), ("a", nil), (String(repeating: "image", count: 100), nil),
    ] as [(String, String?)])
  func suggestions(word: String, expected: String?) {
    #expect(Suggestion.nearest(to: word, among: ["image", "command", "restart_policy", "args"]) == expected)
  }

  @Test(
    "a word that is spelt as elsewhere, or cut short, gets its key",
    arguments: [
      ("readinessProbe", "readiness_probe"), ("readiness", "readiness_probe"), ("liveness-probe", "liveness_probe"),
      ("policy", "restart_policy"), ("probe", "liveness_probe"), ("re", nil), ("volumes", nil),
      ("grace_period", "termination_grace_period"),
    ] as [(String, String?)])
  func otherSpelling(word: String, expected: String?) {
    let known = ["image", "readiness_probe", "liveness_probe", "restart_policy", "termination_grace_period"]
    #expect(Suggestion.help(for: word, among: known) == expected.map { "did you mean '\($0)'?" })
  }

  @Test("an edit is an insertion, a removal, a replacement or a swap")
  func distance() {
    func distance(_ a: String, _ b: String) -> Int { Suggestion.distance(Array(a.utf8), Array(b.utf8)) }
    #expect(distance("", "abc") == 3)
    #expect(distance("kitten", "sitting") == 3)
    #expect(distance("ab", "ba") == 1)
    #expect(distance("abc", "abc") == 0)
  }
}
