import BerthTestSupport
import Testing

@testable import BerthManifest

@Suite("TOML")
struct TOMLTests {
  private func parse(_ text: String) -> TOMLDocument { TOMLDocument(parsing: Array(text.utf8)) }

  private func errors(_ text: String) -> [String] {
    let document = parse(text)
    return document.errors.map { "\(document.source.position(of: $0.range.lower)): \($0.message)" }
  }

  private func key(_ key: String, in document: TOMLDocument) throws -> SourcePosition {
    document.source.position(of: try #require(document.root.entry(key)).keyRange.lower)
  }

  @Test("keys and values know their line and column")
  func positions() throws {
    let document = parse("# hi\nname = \"web\"\n  hosts.\"a b\" = [1,\n 22]\n[[container]]\nimage='x'\n")
    #expect(try key("name", in: document) == SourcePosition(line: 2, column: 1))
    #expect(try key("hosts", in: document) == SourcePosition(line: 3, column: 3))
    let hosts = try #require(document.root["hosts"]?.table?.entry("a b"))
    #expect(document.source.position(of: hosts.keyRange.lower) == SourcePosition(line: 3, column: 9))
    let second = try #require(hosts.value.array?.last)
    #expect(document.source.position(of: second.range.lower) == SourcePosition(line: 4, column: 2))
    #expect(document.source.endColumn(of: second.range) == 4)
    let container = try #require(document.root["container"]?.array?.first)
    #expect(document.source.position(of: container.range.lower) == SourcePosition(line: 5, column: 1))
    #expect(document.source.endColumn(of: container.range) == 14)
  }

  @Test("columns count Unicode scalars, and a byte order mark and CR LF don't shift them")
  func columns() throws {
    let document = parse("\u{FEFF}\"é😀\" = 1\r\nb = !\r\n")
    #expect(try key("é😀", in: document) == SourcePosition(line: 1, column: 1))
    let value = try #require(document.root["é😀"])
    #expect(document.source.position(of: value.range.lower) == SourcePosition(line: 1, column: 8))
    #expect(document.source.line(at: value.range.lower) == "\"é😀\" = 1")
    #expect(errors("\u{FEFF}\"é😀\" = 1\r\nb = !\r\n") == ["2:5: expected a value, found '!'"])
  }

  @Test("entries keep the order of the file")
  func order() {
    #expect(parse("z = 1\na = 2\nm.x = 3\n[b]\n[a2]").root.entries.map(\.key) == ["z", "a", "m", "b", "a2"])
  }

  @Test("a header whose bracket isn't closed ends the table before it, right after another error too")
  func brokenHeader() {
    let text = "[a]\nx: 1\n[b\ny = 2\n"
    #expect(
      errors(text) == [
        "2:2: expected '=' after the key, found ':': TOML writes key = value", "3:3: expected ']', found the end of the line",
      ])
    #expect(parse(text).root["a"]?.table?.isEmpty == true)
  }

  @Test("several syntax errors are reported at once, and what is around them is read")
  func recovery() throws {
    let text = """
      name = web
      namespace = "prod"
      [[container]
      image = "a"
      [[container]]
      image = "b"
      args = ["x",
        "y"
        "z",
      ]
      env = { A = "1" B = "2" }
      tty = true
      """
    #expect(
      errors(text) == [
        "1:8: no valid value: 'web'; strings need quotes",
        "3:13: expected ']]', found the end of the line",
        "9:3: expected ',' or ']' in the array, found '\"'",
        "11:17: expected ',' or '}' in the inline table, found 'B'",
      ])
    let document = parse(text)
    #expect(document.root["namespace"]?.string == "prod")
    let containers = try #require(document.root["container"]?.array)
    #expect(containers.map { $0.table?["image"]?.string } == ["b"])
    #expect(containers.first?.table?["tty"]?.boolean == true)
  }

  @Test("an inline table over several lines is one error, and what follows it is read")
  func inlineTableOverLines() {
    let words = "an inline table stays on one line: close it with '}' or write it as a [table]"
    let text = """
      a = { b = "}", # }
        c = '{',
        d = { e = "\\"}" },
      }
      f = [
        {
          g = 1 },
        { h = 1, i = 2 },
      ]
      j = { k = 1
      [l]
      m = !
      """
    #expect(errors(text) == ["1:16: \(words)", "6:4: \(words)", "10:12: \(words)", "12:5: expected a value, found '!'"])
    #expect(errors("a = { b = 1,\n  b = 2 }\nc = 3") == ["1:13: \(words)"])
    #expect(errors("a = {\n  b = 2\n}\nc = !") == ["1:6: \(words)", "4:5: expected a value, found '!'"])
    #expect(errors("a = { b = 1\n  'c = 1 }") == ["1:12: \(words)"])
    #expect(errors("a = True") == ["1:5: no valid value: 'True'; write true"])
  }

  @Test("keys that are only canonically equivalent are two keys")
  func equivalence() {
    let document = parse("\"\u{e9}\" = 1\n\"e\u{301}\" = 2")
    #expect(document.errors.isEmpty)
    #expect(document.root.entries.count == 2)
    #expect(document.root["e\u{301}"]?.integer == 2)
  }

  @Test("what is defined twice is named where it is")
  func duplicates() {
    #expect(errors("a = 1\nb = 2\na = 3") == ["3:1: 'a' is set twice"])
    #expect(errors("[a]\n[a]") == ["2:2: table 'a' is defined twice"])
    #expect(errors("[[a]]\n[a]") == ["2:2: 'a' is an array of tables: write [[a]]"])
    #expect(errors("a = 1\n[a.b]") == ["2:2: 'a' already has a value and can't be added to"])
    #expect(errors("[a.b]\n[a]\nb.c = 1") == ["3:1: 'b' is already defined and can't be added to"])
  }

  @Test("size, depth, key parts and the number of errors are bounded")
  func limits() {
    #expect(errors("a = " + String(repeating: "[", count: 100_000)) == ["1:69: nested deeper than 64"])
    #expect(errors("a = " + String(repeating: "{b=", count: 100_000)) == ["1:197: nested deeper than 64"])
    #expect(errors(String(repeating: "a.", count: 40) + "a = 1").first?.contains("more than 32 parts") == true)
    #expect(errors(String(repeating: "a.", count: 31) + "a = {" + String(repeating: "a.", count: 31) + "a.b.c={}}").first != nil)
    #expect(errors(String(repeating: "=\n", count: 5000)).count <= 20)
    #expect(errors(String(repeating: "a = 1 1\n", count: 5000)).count == 20)
    let tooLarge = TOMLDocument(parsing: [UInt8](repeating: 10, count: (1 << 20) + 1))
    #expect(tooLarge.errors.map(\.message) == ["the file is larger than 1048576 bytes"])
  }

  @Test("large tables and long lines cost no more than their size")
  func large() {
    let keys = (0..<50_000).map { "k\($0) = \($0)\n" }.joined()
    let document = parse(keys)
    #expect(document.errors.isEmpty)
    #expect(document.root.entries.count == 50_000)
    #expect(parse("a = [" + String(repeating: "1,", count: 250_000) + "]").root["a"]?.array?.count == 250_000)
    #expect(parse(String(repeating: "[[a.b]]\n", count: 60_000)).root["a"]?.table?["b"]?.array?.count == 60_000)
  }

  @Test("invalid UTF-8 is refused where it stands")
  func invalidUTF8() {
    let document = TOMLDocument(parsing: Array("a = 1\nb = \"".utf8) + [0xC3, 0x28] + Array("\"".utf8))
    #expect(document.errors.map(\.message) == ["invalid UTF-8"])
    #expect(document.errors.map { document.source.position(of: $0.range.lower) } == [SourcePosition(line: 2, column: 6)])
  }

  @Test("an unclosed string or array points at its beginning")
  func unclosed() {
    #expect(errors("a = \"x\nb = 1") == ["1:5: the string isn't closed: expected \""])
    #expect(errors("a = [1,\n2\n") == ["1:5: the array isn't closed: expected ']'"])
    #expect(errors("a = '''x\n\n") == ["1:5: the multi-line string isn't closed"])
    #expect(errors("a = { b = 1,\n c = 2 }").first?.hasPrefix("1:13: an inline table stays on one line") == true)
  }

  @Test("random edits of valid files never crash the parser, and its positions stay in the file")
  func mutations() {
    var random = SeededGenerator(seed: 20_260_101)
    var seeds = [Array(Self.sample.utf8)]
    if let folder = TestFiles.tomlTest {
      seeds += TOMLConformanceTests.files.shuffled(using: &random).prefix(150).compactMap { TestFiles.read("\(folder)/\($0)") }
    }
    for _ in 0..<6000 {
      let bytes = Mutation.mutate(seeds.randomElement(using: &random) ?? [], using: &random)
      let document = TOMLDocument(parsing: bytes)
      for error in document.errors {
        let position = document.source.position(of: error.range.lower)
        #expect(position.line >= 1 && error.range.lower <= bytes.count, "\(String(decoding: bytes, as: UTF8.self))")
        #expect(document.source.endColumn(of: error.range) > position.column)
      }
    }
  }

  static let sample = """
    name = "web" # comment
    labels = { app = "x", 'b c' = "\\u00e9" }
    when = 1979-05-27 07:32:00.5Z
    n = [0x1F, 1_000, -0.5e+3, inf,
      true]
    text = \"\"\"a\\
       b\"\"\"
    [[container]]
    image = 'r'
    [container.resources]
    cpu = 0.5
    [[container]]
    a.b.c = 1
    """
}
