import BerthCore
import Testing

@testable import BerthManifest

/// The public toml-test corpus for TOML 1.0: every valid file's content is as its JSON says, every invalid one is refused.
@Suite("toml-test 1.0", .enabled(if: TestFiles.tomlTest != nil, "no toml-test corpus: set BERTH_TOML_TEST to its tests folder"))
struct TOMLConformanceTests {
  static let files: [String] =
    TestFiles.tomlTest.flatMap { TestFiles.lines($0 + "/files-toml-1.0.0") }?.filter { $0.hasSuffix(".toml") } ?? []

  @Test("the list of files is there")
  func listed() {
    #expect(Self.files.count { $0.hasPrefix("valid/") } > 200)
    #expect(Self.files.count { $0.hasPrefix("invalid/") } > 400)
  }

  @Test("a valid file means what its JSON says", arguments: files.filter { $0.hasPrefix("valid/") })
  func valid(_ file: String) throws {
    let folder = try #require(TestFiles.tomlTest)
    let bytes = try #require(TestFiles.read("\(folder)/\(file)"))
    let json = try #require(TestFiles.read("\(folder)/\(file.dropLast(5)).json"))
    let document = TOMLDocument(parsing: bytes)
    #expect(document.errors.map(\.message) == [])
    let expected = try JSON(parsing: json)
    let actual = TOMLValue(.table(document.root), range: SourceRange(0, 0))
    #expect(Self.matches(actual, expected), "\(file)")
    #expect(document.root.entries.allSatisfy { Self.isPlaced($0, in: bytes) })
  }

  @Test("an invalid file is refused, with a position", arguments: files.filter { $0.hasPrefix("invalid/") })
  func invalid(_ file: String) throws {
    let folder = try #require(TestFiles.tomlTest)
    let bytes = try #require(TestFiles.read("\(folder)/\(file)"))
    let document = TOMLDocument(parsing: bytes)
    let error = try #require(document.errors.first, "\(file) was accepted")
    #expect((0...bytes.count).contains(error.range.lower))
    let position = document.source.position(of: error.range.lower)
    #expect(position.line >= 1 && position.column >= 1)
  }

  static func isPlaced(_ entry: TOMLTable.Entry, in bytes: [UInt8]) -> Bool {
    let range = entry.keyRange
    guard range.lower >= 0, range.upper <= bytes.count, range.lower < range.upper else { return false }
    let text = String(decoding: bytes[range.lower..<range.upper], as: UTF8.self)
    return text.contains(entry.key) || text.hasPrefix("\"") || text.hasPrefix("'") || text.hasPrefix("[")
  }

  /// Tagged JSON: `{"type": "integer", "value": "1"}`, or a plain object or array of such.
  static func matches(_ value: TOMLValue, _ expected: JSON) -> Bool {
    switch value.content {
    case .table(let table):
      guard let object = expected.object, object.count == table.entries.count else { return false }
      return table.entries.allSatisfy { entry in object[entry.key].map { matches(entry.value, $0) } ?? false }
    case .array(let items):
      guard let array = expected.array, array.count == items.count else { return false }
      return zip(items, array).allSatisfy { matches($0, $1) }
    default:
      guard let type = expected["type"]?.string, let text = expected["value"]?.string else { return false }
      return matches(value, type, text)
    }
  }

  private static func matches(_ value: TOMLValue, _ type: String, _ text: String) -> Bool {
    switch (type, value.content) {
    case ("string", .string(let actual)): actual.utf8.elementsEqual(text.utf8)
    case ("integer", .integer(let actual)): String(actual) == text
    case ("bool", .boolean(let actual)): String(actual) == text
    case ("float", .float(let actual)):
      text.hasSuffix("nan") ? actual.isNaN : Double(text.hasPrefix("+") ? String(text.dropFirst()) : text) == actual
    case ("datetime", .dateTime(let actual)): actual.date != nil && actual.offsetMinutes != nil && actual.description == normal(text)
    case ("datetime-local", .dateTime(let actual)):
      actual.date != nil && actual.time != nil && actual.offsetMinutes == nil && actual.description == normal(text)
    case ("date-local", .dateTime(let actual)): actual.time == nil && actual.description == text
    case ("time-local", .dateTime(let actual)): actual.date == nil && actual.description == normal(text)
    default: false
    }
  }

  /// Without trailing zeros of a fraction of a second, and with Z for +00:00.
  private static func normal(_ text: String) -> String {
    var text = text.hasSuffix("+00:00") ? text.dropLast(6) + "Z" : Substring(text)
    guard let point = text.firstIndex(of: ".") else { return String(text) }
    let end = text[text.index(after: point)...].firstIndex { !$0.isNumber } ?? text.endIndex
    var fraction = text[point..<end]
    while fraction.hasSuffix("0") { fraction.removeLast() }
    if fraction == "." { fraction = "" }
    text = text[..<point] + fraction + text[end...]
    return String(text)
  }
}
