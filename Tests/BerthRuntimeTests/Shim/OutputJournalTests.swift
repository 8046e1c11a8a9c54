import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

@testable import BerthRuntime

/// An output stream, its log and its journal in a folder of their own. Who looks after them may die at any point: then there is another.
private final class Stage {
  let place: TemporaryDirectory
  let writer: WritingEnd
  let reader: FD
  let target: LogTarget
  var batch = LogBatch()

  init(maxSize: UInt64 = 10 << 20) throws {
    place = try TemporaryDirectory("output")
    writer = try WritingEnd("\(place.path)/fifo")
    target = LogTarget(path: "\(place.path)/log/0.log", maxSize: maxSize, maxFiles: 1000)
    reader = try Fifo.openReader("\(place.path)/fifo")
  }

  var journal: String { "\(place.path)/journal" }

  /// The next to look after it.
  func takeOver() throws -> (stream: OutputStream, log: LogFile) {
    let log = try LogFile(target)
    let stream = OutputStream(.stdout, journal: journal)
    stream.recover(&batch, to: log)
    stream.open(try Fifo.openReader("\(place.path)/fifo"))
    return (stream, log)
  }

  /// One who reads and dies before a record is written, and with `admits` false before it is known how much was read.
  func readAndDie(admits: Bool) throws {
    let journal = OutputJournal(path: journal)
    let log = try LogFile(target)
    _ = journal.recover(at: log.position, .now)
    guard let count = try journal.read(from: reader.raw) else { return }
    if admits { journal.admit(count, at: log.position, .now) }
  }

  /// What was written, from the oldest file on.
  func content() throws -> [UInt8] {
    let folder = Files.parent(of: target.path)
    let old = try Files.list(folder).compactMap { Int($0.dropFirst("0.log.".count)) }.sorted(by: >)
    var content: [UInt8] = []
    for name in old.map({ "0.log.\($0)" }) + ["0.log"] {
      for line in try Files.read("\(folder)/\(name)").split(separator: 10) {
        let start = "2006-01-02T15:04:05.000000000Z stdout ".utf8.count
        content += line[(line.startIndex + start + 2)...]
        if line[line.startIndex + start] == UInt8(ascii: "F") { content.append(10) }
      }
    }
    return content
  }
}

@Suite("the journal of an output stream")
struct OutputJournalTests {
  @Test(
    "wherever the writing was cut off, the next writes the rest of the same log",
    arguments: ["one\n", "one\ntwo\n\nfour\nand the start", "no end at all", String(repeating: "x", count: 20_000) + "\ny\n"])
  func cutAnywhere(text: String) throws {
    let stage = try Stage()
    try stage.writer.fd.writeAll(text.utf8)
    try stage.readAndDie(admits: true)
    let journal = try Files.read(stage.journal)
    _ = try stage.takeOver()
    let whole = try Files.read(stage.target.path)
    let step = max(1, whole.count / 500)
    for cut in Array(stride(from: 0, to: whole.count, by: step)) + [whole.count] {
      // The same file: the journal knows it by its number.
      try Files.open(stage.target.path, O_WRONLY).truncate(to: 0)
      try Files.open(stage.target.path, O_WRONLY).writeAll(whole[..<cut])
      try Files.writeAtomically(journal, to: stage.journal)
      let (stream, log) = try stage.takeOver()
      let again = try Files.read(stage.target.path)
      #expect(again == whole, "cut after \(cut) bytes")
      guard cut == whole.count else { continue }
      stream.finish(&stage.batch, to: log)
      #expect(try stage.content() == Array(text.utf8) + (text.hasSuffix("\n") ? [] : [10]))
      #expect(!Files.exists(stage.journal))
    }
  }

  @Test("a line without an end is written once, wherever its writing was cut off")
  func cutAtTheEnd() throws {
    let stage = try Stage()
    try stage.writer.fd.writeAll("the last words".utf8)
    try stage.readAndDie(admits: true)
    do {
      let journal = OutputJournal(path: stage.journal)
      let log = try LogFile(stage.target)
      _ = journal.recover(at: log.position, .now)
      journal.end(at: log.position, .now)
    }
    let journal = try Files.read(stage.journal)
    _ = try stage.takeOver()
    let whole = try Files.read(stage.target.path)
    #expect(whole.count > 14)
    for cut in 0...whole.count {
      try Files.open(stage.target.path, O_WRONLY).truncate(to: 0)
      try Files.open(stage.target.path, O_WRONLY).writeAll(whole[..<cut])
      try Files.writeAtomically(journal, to: stage.journal)
      let (stream, log) = try stage.takeOver()
      stream.finish(&stage.batch, to: log)
      #expect(try Files.read(stage.target.path) == whole, "cut after \(cut) bytes")
    }
  }

  @Test("many die one after the other, at any point of reading, amid lines and rotations: every byte is there once", arguments: 1...4)
  func manyDeaths(seed: UInt64) throws {
    let stage = try Stage(maxSize: 20_000)
    var random = SeededGenerator(seed: seed)
    // Lines of many lengths, none like its neighbour; and one that is split.
    let lines = (1...2000).flatMap { Array("\($0)\(String(repeating: "x", count: $0 * 7 % 60))\n".utf8) }
    let text = lines + [UInt8](repeating: UInt8(ascii: "y"), count: 40_000) + [10]
    var written: [UInt8] = []
    for _ in 0..<300 {
      let size = [1, 2, 15, 16, 17, 300, 5000, 30_000].randomElement(using: &random) ?? 1
      let piece = text[(written.count % (text.count - size))...].prefix(size)
      try stage.writer.fd.writeAll(Array(piece))
      written += piece
      switch Int.random(in: 0..<3, using: &random) {
      case 0: try stage.readAndDie(admits: false)
      case 1: try stage.readAndDie(admits: true)
      default: break
      }
      let (stream, log) = try stage.takeOver()
      while case .read = stream.copyOnce(&stage.batch, to: log) {}
    }
    let (stream, log) = try stage.takeOver()
    stream.finish(&stage.batch, to: log)
    if written.last != 10 { written.append(10) }
    #expect(try stage.content() == written)
  }

  @Test("who dies while it waits for the first byte has read nothing")
  func diedBeforeReading() throws {
    let stage = try Stage()
    let path = stage.journal
    let waiting = try Files.open("\(stage.place.path)/fifo", O_RDWR)
    let number = waiting.raw
    let log = try LogFile(stage.target)
    Threads.start("reader") {
      // As long as the other end writes nothing: a blocking descriptor.
      _ = try? OutputJournal(path: path).read(from: number)
    }
    let caught = try eventually("it waits") { () -> [UInt8]? in
      guard let bytes = try? Files.read(path), bytes.prefix(8).contains(where: { $0 != 0 }) else { return nil }
      return bytes
    }
    #expect(log.position.size == 0)
    try stage.writer.fd.writeAll("x".utf8)
    try eventually("it has read") { try Descriptors.readableCount(number) == 0 }
    try Files.writeAtomically(caught, to: path)
    try stage.writer.fd.writeAll("line\n".utf8)
    let (stream, again) = try stage.takeOver()
    while case .read = stream.copyOnce(&stage.batch, to: again) {}
    #expect(try stage.content() == Array("line\n".utf8))
  }

  @Test("a full state folder takes away nothing but the journal, and what was in it isn't found twice")
  func fullFolder() throws {
    let folder = try TemporaryDirectory("full")
    try SandboxNamespaces.mountTmpfs(at: folder.path, size: 64 << 10, mode: 0o700)
    defer { try? SandboxNamespaces.unmount(folder.path) }
    let ballast = try Files.open("\(folder.path)/ballast", O_WRONLY | O_CREAT)
    func fill() { while (try? ballast.writeAll([UInt8](repeating: 1, count: 4096))) != nil {} }
    func journal() -> OutputJournal { OutputJournal(path: "\(folder.path)/journal") }
    let stage = try Stage()
    let log = try LogFile(stage.target)
    // One byte is pending in the file when there is no room for more.
    let first = journal()
    try stage.writer.fd.writeAll("a".utf8)
    first.admit(try #require(try first.read(from: stage.reader.raw)), at: log.position, .now)
    #expect(first.isKept)
    fill()
    try stage.writer.fd.writeAll([UInt8](repeating: UInt8(ascii: "b"), count: 9000))
    first.admit(try #require(try first.read(from: stage.reader.raw)), at: log.position, .now)
    #expect(!first.isKept && first.pending.count == 9001)
    let second = journal()
    _ = second.recover(at: log.position, .now)
    #expect(second.pending.count == 0)
    // Once there is room, the next time that nothing is pending.
    try ballast.truncate(to: 0)
    first.take(9001, at: log.position)
    first.rest()
    try stage.writer.fd.writeAll("c".utf8)
    first.admit(try #require(try first.read(from: stage.reader.raw)), at: log.position, .now)
    #expect(first.isKept && Array(first.pending) == Array("c".utf8))
  }

  @Test("memory in which nothing is pending is given back, and what is pending stays")
  func rest() throws {
    let stage = try Stage()
    let log = try LogFile(stage.target)
    let journal = OutputJournal(path: stage.journal)
    func allocated() throws -> Int64 { try Files.status(stage.journal).allocatedBytes }
    try stage.writer.fd.writeAll([UInt8](repeating: 97, count: 60_000))
    journal.admit(try #require(try journal.read(from: stage.reader.raw)), at: log.position, .now)
    #expect(try allocated() >= 60_000)
    journal.take(60_000, at: log.position)
    journal.rest()
    #expect(try allocated() == 0)
    try stage.writer.fd.writeAll("kept".utf8)
    journal.admit(try #require(try journal.read(from: stage.reader.raw)), at: log.position, .now)
    journal.rest()
    #expect(try allocated() <= 4096 && Array(journal.pending) == Array("kept".utf8))
  }
}
