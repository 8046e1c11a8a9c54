import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

@testable import BerthRuntime

/// Feeds output to a log file in a folder of its own, in pieces of any size that a pipe holds, as a shim does.
private final class LogWriter {
  let folder: String
  let file: LogFile
  let journals: TemporaryDirectory
  var batch = LogBatch()
  let stdout: OutputStream
  let stderr: OutputStream
  private let output: WritingEnd
  private let errors: WritingEnd

  init(maxSize: UInt64 = 10 << 20, maxFiles: UInt32 = 5, in place: String? = nil) throws {
    folder = place ?? "/tmp/berth-log-test-\(ProcessControl.pid)-\(UInt32.random(in: 0 ... .max))"
    file = try LogFile(LogTarget(path: "\(folder)/0.log", maxSize: maxSize, maxFiles: maxFiles))
    journals = try TemporaryDirectory("journals")
    stdout = OutputStream(.stdout, journal: "\(journals.path)/stdout")
    stderr = OutputStream(.stderr, journal: "\(journals.path)/stderr")
    output = try Self.fifo("\(journals.path)/output", stdout)
    errors = try Self.fifo("\(journals.path)/errors", stderr)
  }

  private static func fifo(_ path: String, _ stream: OutputStream) throws -> WritingEnd {
    let writer = try WritingEnd(path)
    stream.open(try Fifo.openReader(path))
    return writer
  }

  deinit { try? Files.removeTree(folder) }

  func write(_ text: String, _ stream: LogBatch.Stream = .stdout) throws { try write(Array(text.utf8), stream) }

  func write(_ bytes: [UInt8], _ stream: LogBatch.Stream = .stdout) throws {
    try (stream == .stdout ? output : errors).fd.writeAll(bytes)
    while case .read = (stream == .stdout ? stdout : stderr).copyOnce(&batch, to: file) {}
  }

  func finish() {
    stdout.finish(&batch, to: file)
    stderr.finish(&batch, to: file)
  }

  func text(_ name: String = "0.log") throws -> String { try Files.readText("\(folder)/\(name)", limit: 1 << 30) }

  /// The records of one file.
  func records(_ name: String = "0.log") throws -> [Record] { try text(name).split(separator: "\n").map { try Record($0) } }
}

/// Of a FIFO that is made for it.
final class WritingEnd {
  let fd: FD

  init(_ path: String) throws {
    try Fifo.make(path)
    fd = try Fifo.openBoth(path)
  }
}

/// One line of a CRI log.
private struct Record: Equatable {
  var stream: String
  var tag: String
  var content: String

  init(_ stream: String, _ tag: String, _ content: String) {
    self.stream = stream
    self.tag = tag
    self.content = content
  }

  init(_ line: Substring) throws {
    let parts = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
    try #require(parts.count == 4 && Timestamp(String(parts[0])) != nil && parts[0].utf8.count == 30, "\(line)")
    self.init(String(parts[1]), String(parts[2]), String(parts[3]))
  }
}

@Suite("Container log")
struct ContainerLogTests {
  @Test("lines are stamped, named after their stream and whole, however they arrive")
  func lines() throws {
    let log = try LogWriter()
    try log.write("one\ntw")
    try log.write("err\n", .stderr)
    try log.write("o\n\nlast")
    log.finish()
    let expected = [
      Record("stdout", "F", "one"), Record("stderr", "F", "err"), Record("stdout", "F", "two"), Record("stdout", "F", ""),
      Record("stdout", "F", "last"),
    ]
    #expect(try log.records() == expected)
  }

  @Test("a line is split after 16 KiB, and only then", arguments: [16383, 16384, 16385, 32768, 40000], [1, 7, 4096, 65536])
  func longLines(length: Int, piece: Int) throws {
    let log = try LogWriter()
    let line = (0..<length).map { UInt8(97 + $0 % 26) }
    let bytes = line + [10] + Array("next\n".utf8)
    for start in stride(from: 0, to: bytes.count, by: piece) { try log.write(Array(bytes[start..<min(start + piece, bytes.count)])) }
    log.finish()
    var expected: [Record] = []
    var rest = line[...]
    while rest.count > 16384 {
      expected.append(Record("stdout", "P", String(decoding: rest.prefix(16384), as: UTF8.self)))
      rest = rest.dropFirst(16384)
    }
    expected.append(Record("stdout", "F", String(decoding: rest, as: UTF8.self)))
    #expect(try log.records() == expected + [Record("stdout", "F", "next")])
  }

  @Test("rotation loses no line and doubles none, and no file outgrows its size")
  func rotation() throws {
    let log = try LogWriter(maxSize: 10_000, maxFiles: 200)
    var random = SeededGenerator(seed: 7)
    let bytes = (1...20_000).flatMap { Array("line \($0) \(String(repeating: "x", count: $0 % 50))\n".utf8) }
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + Int(random.next() % 65_536) + 1)
      try log.write(Array(bytes[start..<end]))
      start = end
    }
    log.finish()
    let old = try Files.list(log.folder).compactMap { Int($0.dropFirst("0.log.".count)) }.sorted(by: >)
    #expect(old.count > 100)
    var number = 0
    for name in old.map({ "0.log.\($0)" }) + ["0.log"] {
      #expect(try Files.status("\(log.folder)/\(name)").size <= 10_000)
      for record in try log.records(name) {
        number += 1
        if !record.content.hasPrefix("line \(number) ") {
          Issue.record("\(record.content) where line \(number) should be, in \(name)")
          return
        }
      }
    }
    #expect(number == 20_000)
  }

  @Test("at most maxFiles files are kept, the current one among them", arguments: [UInt32(1), 2, 3])
  func fileCount(maxFiles: UInt32) throws {
    let log = try LogWriter(maxSize: 100, maxFiles: maxFiles)
    for number in 0..<20 { try log.write("line \(number) of a log that is rotated all the time\n") }
    let expected = ["0.log"] + (1..<max(maxFiles, 1)).map { "0.log.\($0)" }
    #expect(try Files.list(log.folder) == expected)
    #expect(try log.records().last?.content.hasPrefix("line 19 ") == true)
  }

  @Test("a record larger than a file is kept whole")
  func largeRecord() throws {
    let log = try LogWriter(maxSize: 1000, maxFiles: 3)
    try log.write("a\n" + String(repeating: "b", count: 5000) + "\nc\n")
    #expect(try log.records("0.log.2").map(\.content.utf8.count) == [1])
    #expect(try log.records("0.log.1").map(\.content.utf8.count) == [5000])
    #expect(try log.records().map(\.content) == ["c"])
  }

  @Test("where a writer died in the middle of a record, the next begins its own line")
  func torn() throws {
    let log = try LogWriter()
    try log.write("before\ntorn\n")
    let path = "\(log.folder)/0.log"
    let text = try log.text()
    try Files.writeAtomically(text.utf8.dropLast(3), to: path)
    let target = LogTarget(path: path)
    for _ in 0..<2 { try LogFile(target).endLastRecord() }
    let again = try LogWriter(in: log.folder)
    try again.write("after\n")
    #expect(try log.records().map(\.content) == ["before", "to", "after"])
    let empty = try LogFile(LogTarget(path: "\(log.folder)/1.log"))
    try empty.endLastRecord()
    #expect(try log.text("1.log").isEmpty)
  }

  @Test("a log that exists is continued")
  func continued() throws {
    let log = try LogWriter()
    try log.write("before\n")
    let again = try LogWriter(in: log.folder)
    try again.write("after\n")
    #expect(try log.records().map(\.content) == ["before", "after"])
  }

  @Test("a full disk drops lines, says how many, and leaves no torn line")
  func fullDisk() throws {
    let folder = "/tmp/berth-log-full-\(ProcessControl.pid)-\(UInt32.random(in: 0 ... .max))"
    try Files.makeDirectory(folder)
    defer { try? Files.removeTree(folder) }
    try SandboxNamespaces.mountTmpfs(at: folder, size: 256 << 10, mode: 0o700)
    defer { try? SandboxNamespaces.unmount(folder) }
    let ballast = "\(folder)/ballast"
    try Files.writeAtomically([UInt8](repeating: 0, count: 128 << 10), to: ballast)
    let log = try LogWriter(in: folder)
    func line(_ number: Int) -> String { "line \(number) \(String(repeating: "x", count: 990))\n" }
    for number in 1...200 { try log.write(line(number)) }
    #expect(log.file.dropped > 0)
    let dropped = log.file.dropped
    try Files.unlink(ballast)
    for number in 201...210 { try log.write(line(number)) }
    #expect(log.file.dropped == 0)
    let records = try Files.readText("\(folder)/0.log").split(separator: "\n").map { try Record($0) }
    let numbers = records.filter { $0.stream == "stdout" }.compactMap { Int($0.content.split(separator: " ")[1]) }
    #expect(numbers == Array(1...200 - Int(dropped)) + Array(201...210))
    let notices = records.filter { $0.stream == "stderr" }.map(\.content)
    #expect(notices == ["berth-shim: \(dropped) lines dropped: No space left on device (ENOSPC)"])
  }

  @Test("stamps are right across seconds, days and leap years")
  func stamps() {
    let cases: [(Int64, String)] = [
      (0, "1970-01-01T00:00:00.000000000Z"), (951_782_399_999_999_999, "2000-02-28T23:59:59.999999999Z"),
      (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"), (4_107_542_400_000_000_001, "2100-03-01T00:00:00.000000001Z"),
      (-1, "1969-12-31T23:59:59.999999999Z"), (1_136_214_245_000_000_000, "2006-01-02T15:04:05.000000000Z"),
    ]
    for (nanoseconds, text) in cases {
      #expect(Timestamp(nanoseconds: nanoseconds).description == text)
      #expect(Timestamp(text)?.nanoseconds == nanoseconds)
    }
    var clock = LogClock()
    for (nanoseconds, text) in cases where nanoseconds >= 0 {
      clock.update(Timestamp(nanoseconds: nanoseconds))
      #expect(clock.text == text)
    }
  }
}
