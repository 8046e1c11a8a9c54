import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

@testable import BerthClient

@Suite("the last lines of a log")
struct LastLinesTests {
  private func record(_ number: Int, _ endsLine: Bool = true) throws -> LogRecord {
    try #require(LogRecord(Array("2026-01-02T03:04:05.000000006Z stdout \(endsLine ? "F" : "P") \(number)".utf8)))
  }

  @Test("as many as were asked for, whatever passed before", arguments: [0, 1, 2, 7, 100])
  func count(limit: Int) throws {
    var last = LastLines(limit)
    for number in 0..<50 { last.add(try record(number)) }
    #expect(last.records.map { String(decoding: $0.text, as: UTF8.self) } == (max(0, 50 - limit)..<50).map { "\($0)" })
  }

  @Test("a line in parts counts once, and one that isn't whole yet not at all")
  func parts() throws {
    var last = LastLines(1)
    for (number, endsLine) in [(1, true), (2, false), (3, false), (4, true), (5, false)] { last.add(try record(number, endsLine)) }
    #expect(last.records.map { String(decoding: $0.text, as: UTF8.self) } == ["2", "3", "4", "5"])
  }
}

private final class Box {
  var value: Int
  init(_ value: Int) { self.value = value }
}

@Suite("reading a container's log")
struct LogReaderTests {
  private let scratch: TemporaryDirectory
  private var base: String { "\(scratch.path)/0.log" }

  init() throws { scratch = try TemporaryDirectory() }

  private func line(_ text: String, _ tag: String = "F") -> String { "2026-01-02T03:04:05.000000006Z stdout \(tag) \(text)\n" }

  private func append(_ text: String, to path: String) throws {
    let file = try Files.open(path, FileFlags.write | FileFlags.create | FileFlags.append, mode: 0o600)
    try file.writeAll(Array(text.utf8))
  }

  /// As the shim rotates.
  private func rotate(keeping count: Int = 3) throws {
    for number in (1..<count).reversed() where Files.exists("\(base).\(number)") {
      try Files.rename("\(base).\(number)", to: "\(base).\(number + 1)")
    }
    try Files.rename(base, to: "\(base).1")
    try append("", to: base)
  }

  private func texts(_ reader: inout LogReader) throws -> [String] {
    var found: [String] = []
    try reader.records { found.append(String(decoding: $0.text, as: UTF8.self)) }
    return found
  }

  @Test("a record is time, stream, whole or part, text; blanks in the text are its own")
  func record() {
    let record = LogRecord(Array("2026-01-02T03:04:05.000000006Z stderr P  two  words ".utf8))
    #expect(record?.stream == "stderr" && record?.endsLine == false)
    #expect(record?.text == Array(" two  words ".utf8))
    for wrong in ["", "nonsense", "2026-01-02T03:04:05Z stdout F", "yesterday stdout F x"] { #expect(LogRecord(Array(wrong.utf8)) == nil) }
  }

  @Test("a container that writes faster than it is read doesn't keep a reader for ever; what came meanwhile is read by the next look")
  func fasterThanRead() throws {
    let lines = (0..<10_000).map { line("\($0)") }.joined()
    try append(lines, to: base)
    var reader = try LogReader(path: base)
    var found = 0
    var failure: (any Error)?
    try reader.records { _ in
      found += 1
      do {
        if found % 1000 == 0 { try rotate() }
        try append(line("more") + line("and more"), to: base)
      } catch { failure = error }
    }
    #expect(failure == nil && (10_000..<30_000).contains(found), "\(found)")
    #expect(try texts(&reader).count > 0)
  }

  @Test("rotated files come first, oldest first")
  func order() throws {
    for text in ["1", "2", "3"] {
      try append(line(text), to: base)
      if text != "3" { try rotate() }
    }
    var reader = try LogReader(path: base)
    #expect(try texts(&reader) == ["1", "2", "3"])
    #expect(try texts(&reader) == [])
  }

  @Test("a line that is half written is read once it is whole")
  func partial() throws {
    let whole = line("whole")
    try append(String(whole.prefix(20)), to: base)
    var reader = try LogReader(path: base)
    #expect(try texts(&reader) == [])
    try append(String(whole.dropFirst(20)) + line("next"), to: base)
    #expect(try texts(&reader) == ["whole", "next"])
  }

  @Test("what is written before a rotation and after several is read once, in order")
  func rotationsInBetween() throws {
    try append(line("1"), to: base)
    var reader = try LogReader(path: base)
    #expect(try texts(&reader) == ["1"])
    try append(line("2"), to: base)
    try rotate()
    try append(line("3"), to: base)
    try rotate()
    try append(line("4"), to: base)
    #expect(try texts(&reader) == ["2", "3", "4"])
  }

  @Test("more rotations than files are kept: reading goes on with the oldest there is, and says so")
  func overrun() throws {
    try append(line("1"), to: base)
    var reader = try LogReader(path: base)
    let missed = Box(0)
    reader.whenMissed = { missed.value += 1 }
    #expect(try texts(&reader) == ["1"])
    for text in ["2", "3", "4", "5"] {
      try rotate(keeping: 2)
      try append(line(text), to: base)
    }
    #expect(try texts(&reader) == ["3", "4", "5"] && missed.value == 1)
    try rotate(keeping: 2)
    try append(line("6"), to: base)
    #expect(try texts(&reader) == ["6"] && missed.value == 1, "none was missed here")
  }

  @Test("a log that isn't there is empty; a path of another form is refused")
  func missing() throws {
    var reader = try LogReader(path: base)
    #expect(try texts(&reader) == [])
    #expect { _ = try LogReader(path: "/x/y.txt") } throws: { ($0 as? BerthError)?.code == .invalidArgument }
  }

  @Test("following goes on into later attempts until the folder is gone")
  func follow() throws {
    try append(line("first"), to: base)
    let folder = scratch.path
    let seen = BlockingQueue<String?>()
    Threads.start("follow") {
      do {
        var reader = try LogReader(path: "\(folder)/0.log")
        try reader.follow { seen.push(String(decoding: $0.text, as: UTF8.self)) }
      } catch { seen.push("\(error)") }
      seen.push(nil)
    }
    #expect(seen.pop() == "first")
    try append(line("second"), to: base)
    #expect(seen.pop() == "second")
    // The attempt in between was dropped already.
    try append(line("third"), to: "\(folder)/2.log")
    #expect(seen.pop() == "third")
    try Files.removeTree(folder)
    #expect(seen.pop() == nil)
  }
}
