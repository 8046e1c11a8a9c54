import BerthCore
import BerthLinux
import Testing

/// docs/runtime-spec.md says of every member of config.json what is done with it, and which test shows it.
@Suite("docs/runtime-spec.md")
struct FieldTableTests {
  private static let repository = Files.parent(of: Files.parent(of: Files.parent(of: #filePath)))

  /// Refused as a whole.
  private static let elsewhere = ["windows", "solaris", "vm", "zos", "freebsd"]

  struct Row {
    var fields: [String]
    /// Suite and beginning of a name.
    var tests: [(suite: String, name: String)]
  }

  private func rows() throws -> [Row] {
    var rows: [Row] = []
    for line in try Files.readText("\(Self.repository)/docs/runtime-spec.md").split(separator: "\n") where line.hasPrefix("| `") {
      let cells = line.split(separator: "|").map { String($0) }
      let first = try #require(cells.first), last = try #require(cells.last)
      let fields = first.split(separator: "`").filter { $0.contains(where: \.isLetter) }.map(String.init)
      rows.append(Row(fields: fields, tests: try tests(last)))
    }
    return rows
  }

  /// `Suite: "name", "another"; Suite: "name"`.
  private func tests(_ cell: String) throws -> [(suite: String, name: String)] {
    var tests: [(suite: String, name: String)] = []
    var suite = ""
    for (at, part) in cell.split(separator: "\"", omittingEmptySubsequences: false).enumerated() {
      if at % 2 == 1 {
        tests.append((suite, String(part)))
      } else if let colon = part.lastIndex(of: ":") {
        suite = String(part[..<colon].drop { !$0.isLetter })
      }
    }
    return tests
  }

  /// `*` stands for one name, and any of a list's items counts.
  static func covers(_ row: String, _ field: String) -> Bool {
    let (row, field) = (row.split(separator: "."), field.split(separator: "."))
    return row.count == field.count
      && zip(row, field).allSatisfy { $0 == $1 || $0 == "*" || $0 == "*[]" && $1.hasSuffix("[]") }
  }

  @Test(
    "every member of the schema has a row, and every row a member",
    .enabled(if: Files.exists(Schema.folder), "needs the specification's schema"))
  func members() throws {
    var schema = Schema()
    _ = try schema.missing(in: [])
    let members = schema.met.filter { member in !Self.elsewhere.contains { member.hasPrefix("\($0).") } }
    let rows = try rows().flatMap(\.fields)
    #expect(members.count > 200 && rows.count > 150)
    let missing = members.filter { field in !rows.contains { Self.covers($0, field) } }
    #expect(missing.sorted() == [], "no row of docs/runtime-spec.md is about these")
    let unknown = rows.filter { row in !members.contains { Self.covers(row, $0) } }
    #expect(unknown == [], "the specification has no such members")
    #expect(Set(rows).count == rows.count, "a member has two rows")
  }

  @Test("a row without a member, and a member without a row, are seen")
  func sownFault() {
    #expect(Self.covers("hooks.*[].path", "hooks.poststop[].path") && Self.covers("linux.rdma.*.x", "linux.rdma.*.x"))
    #expect(!Self.covers("hooks.*[].path", "hooks.poststop[].args") && !Self.covers("hooks.*[].path", "hooks.prestart.path"))
    #expect(!Self.covers("linux", "linux.seccomp") && !Self.covers("linux.seccomp", "linux"))
  }

  /// What is written behind `@Test(`, by suite: the file `SuiteTests.swift` of either target, or the checks of the virtual machine.
  private func names(of suite: String) throws -> [String] {
    if suite == "vm" {
      return try Files.readText("\(Self.repository)/vm/runtime-tests").split(separator: "\n").compactMap { line in
        line.contains("check \"runtime: ")
          ? line.split(separator: "\"").dropFirst().first.map { String($0.dropFirst("runtime: ".count)) } : nil
      }
    }
    var names: [String] = []
    for target in ["BerthRuntimeCLITests", "BerthRuntimeTests/Launch"] {
      let file = "\(Self.repository)/Tests/\(target)/\(suite)Tests.swift"
      guard Files.exists(file) else { continue }
      for part in try Files.readText(file).components(after: "@Test(") {
        let text = part.drop { $0.isWhitespace }
        guard text.first == "\"" else { continue }
        names.append(String(text.dropFirst().prefix { $0 != "\n" }).replacing("\\\"", with: "\""))
      }
    }
    return names
  }

  @Test("every row names a test that runs on the kernel, and every test that a row names is there")
  func tests() throws {
    var known: [String: [String]] = [:]
    for row in try rows() {
      #expect(!row.tests.isEmpty, "\(row.fields.first ?? "") has no test")
      for test in row.tests {
        if known[test.suite] == nil { known[test.suite] = try names(of: test.suite) }
        let isThere = known[test.suite]?.contains { $0.hasPrefix(test.name) } ?? false
        #expect(isThere, "\(row.fields.first ?? ""): no test of \(test.suite) is called \"\(test.name)…\"")
      }
    }
    #expect(known.count > 10)
  }
}

extension String {
  /// What stands behind each `mark`.
  fileprivate func components(after mark: String) -> [Substring] {
    var found: [Substring] = []
    var rest = self[...]
    while let range = rest.firstRange(of: mark) {
      rest = rest[range.upperBound...]
      found.append(rest)
    }
    return found
  }
}
