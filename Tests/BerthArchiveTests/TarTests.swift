import BerthArchive
import BerthCore
import BerthLinux
import ImageFixtures
import Testing

@Suite("tar")
struct TarTests {
  private func read(_ bytes: [UInt8]) throws(BerthError) -> [(TarEntry, [UInt8])] {
    let reader = TarReader(MemorySource(bytes))
    var all: [(TarEntry, [UInt8])] = []
    while let entry = try reader.next() {
      var content: [UInt8] = []
      try reader.content { (part) throws(BerthError) in content += part }
      all.append((entry, content))
    }
    return all
  }

  private func failure(_ bytes: [UInt8]) -> String? {
    do throws(BerthError) {
      _ = try read(bytes)
      return nil
    } catch { return error.cause }
  }

  /// A header with anything in it, its checksum right.
  private func header(
    name: String = "x", type: Character = "0", size: [UInt8] = Array("00000000000\0".utf8), change: (inout [UInt8]) -> Void = { _ in }
  ) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 512)
    func put(_ value: [UInt8], _ at: Int) { bytes.replaceSubrange(at..<at + value.count, with: value) }
    put(Array(name.utf8), 0)
    put(Array("0000644\0".utf8), 100)
    put(Array("0000000\0".utf8), 108)
    put(Array("0000000\0".utf8), 116)
    put(size, 124)
    put(Array("00000000000\0".utf8), 136)
    bytes[156] = type.asciiValue ?? 0
    put(Array("ustar\u{0}00".utf8), 257)
    change(&bytes)
    put(Array("        ".utf8), 148)
    let sum = String(bytes.reduce(0) { $0 + Int($1) }, radix: 8)
    put(Array((String(repeating: "0", count: 6 - sum.count) + sum + "\u{0} ").utf8), 148)
    return bytes
  }

  private func octal(_ value: Int) -> [UInt8] {
    let text = String(value, radix: 8)
    return Array((String(repeating: "0", count: 11 - text.count) + text + "\u{0}").utf8)
  }

  private func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512) }
  private func member(_ type: Character, _ content: String, name: String = "x") -> [UInt8] {
    header(name: name, type: type, size: octal(content.utf8.count)) + padded(Array(content.utf8))
  }
  private var end: [UInt8] { [UInt8](repeating: 0, count: 1024) }

  /// Lends pieces of `sizes` bytes in turn.
  private final class Lender: LendingSource {
    private var bytes: UnsafeRawBufferPointer
    private let storage: UnsafeMutableRawBufferPointer
    private let sizes: [Int]
    private var turn = 0
    init(_ bytes: [UInt8], sizes: [Int]) {
      storage = .allocate(byteCount: bytes.count, alignment: 8)
      storage.copyBytes(from: bytes)
      self.bytes = UnsafeRawBufferPointer(storage)
      self.sizes = sizes
    }
    deinit { storage.deallocate() }
    func lend() throws(BerthError) -> UnsafeRawBufferPointer {
      let part = UnsafeRawBufferPointer(rebasing: bytes.prefix(sizes[turn % sizes.count]))
      turn += 1
      bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(part.count))
      return part
    }
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(BerthError) -> Int {
      let part = UnsafeRawBufferPointer(rebasing: bytes.prefix(buffer.count))
      buffer.copyMemory(from: part)
      bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(part.count))
      return part.count
    }
  }

  @Test(
    "however the bytes are cut that a source lends, the members are the same",
    arguments: [[1], [511, 513], [512], [7, 4096, 1], [1 << 20]])
  func lent(sizes: [Int]) throws {
    let long = String(repeating: "long/", count: 60)
    let bytes = try TarFixture.tar([
      (.file("a"), "content"), (.file(long + "b"), String(repeating: "x", count: 5000)), (.directory("d"), ""), (.file("c"), ""),
    ])
    let reader = TarReader(Lender(bytes, sizes: sizes))
    var found: [String] = []
    while let entry = try reader.next() {
      var count = 0
      try reader.content { (part) throws(BerthError) in count += part.count }
      found.append("\(String(decoding: entry.name, as: UTF8.self)) \(count)")
    }
    #expect(found == ["a 7", "\(long)b 5000", "d 0", "c 0"])
  }

  @Test("a file that is no archive is called that")
  func noArchive() {
    for bytes in [Array(String(repeating: "a text, line by line\n", count: 100).utf8), [UInt8](repeating: 0x7f, count: 2048)] {
      #expect(failure(bytes)?.contains("it is no tar archive") == true, "\(failure(bytes) ?? "")")
    }
    #expect(failure(member("0", "x") + Array(repeating: 7, count: 512))?.contains("no tar archive") == false)
  }

  @Test("what is written is read back equal")
  func roundTrip() throws {
    let long = String(repeating: "directory/", count: 30) + "name"
    var rich = TarEntry.file(long, mode: 0o4755, uid: 4_000_000_000, gid: 3_000_000_000)
    rich.modified = TreeFiles.Time(seconds: 1_700_000_000, nanoseconds: 5)
    rich.attributes = [TarEntry.Attribute(name: Array("user.a".utf8), value: [0, 10, 255, 61])]
    let entries: [(TarEntry, String)] = [
      (rich, String(repeating: "content", count: 1000)), (.directory("d/"), ""), (.symlink("l", to: long), ""),
      (.hardLink("h", to: long), ""),
      (.node("c", .characterDevice(major: 1, minor: 300)), ""), (.node("b", .blockDevice(major: 8, minor: 1)), ""), (.node("f", .fifo), ""),
    ]
    let back = try read(TarFixture.tar(entries))
    #expect(back.map(\.1) == entries.map { Array($0.1.utf8) })
    for (one, two) in zip(back, entries) {
      var expected = two.0
      if expected.kind == .file { expected.size = Int64(two.1.utf8.count) }
      #expect(one.0 == expected)
    }
  }

  @Test("GNU tar's long names and base-256 numbers are read", .enabled(if: Command.exists("/usr/bin/tar"), "needs tar"))
  func gnu() throws {
    let directory = try TemporaryDirectory()
    let name = String(repeating: "n", count: 180)
    try directory.write("in/\(name)", [1, 2, 3])
    try Files.createSymlink(directory("in/l"), target: name)
    let made = try Command.run(
      "/usr/bin/tar", "-C", directory("in"), "--format=gnu", "--owner=4000000", "--mtime=@-5", "-cf", directory("t"), name, "l")
    #expect(made.succeeded, "\(made.output)")
    let entries = try read(try Files.read(directory("t")))
    #expect(entries.map(\.0.name) == [Array(name.utf8), Array("l".utf8)])
    #expect(entries.first?.0.uid == 4_000_000)
    #expect(entries.first?.0.modified.seconds == -5)
    #expect(entries.last?.0.kind == .symlink(target: Array(name.utf8)))
  }

  @Test("B14: the PAX size counts for the content and for where the next header is")
  func paxSize() throws {
    let inner = member("0", "smuggled", name: "evil")
    let content = String(decoding: inner, as: UTF8.self)
    // The header says 0 bytes: a reader that believes it would take the content for headers.
    let size = "\(inner.count)"
    let record = "\(8 + size.utf8.count) size=\(size)\n"
    let record2 = "\(record.utf8.count) size=\(size)\n"
    let bytes = member("x", record2) + header(name: "outer", size: octal(0)) + padded(inner) + end
    let entries = try read(bytes)
    #expect(entries.map { String(decoding: $0.0.name, as: UTF8.self) } == ["outer"])
    #expect(entries.first.map { String(decoding: $0.1, as: UTF8.self) } == content)
  }

  @Test("an archive that ends with its last member's content is whole, as umoci writes it; one that ends in the content isn't")
  func unfilledEnd() throws {
    let archive = header(name: "a", size: octal(512)) + [UInt8](repeating: 1, count: 512) + header(name: "b", size: octal(5))
    for filling in [0, 1, 506] {
      let found = try read(archive + Array("hello".utf8) + [UInt8](repeating: 0, count: filling))
      #expect(found.map { String(decoding: $0.0.name, as: UTF8.self) } == ["a", "b"])
      #expect(found.last.map { String(decoding: $0.1, as: UTF8.self) } == "hello")
    }
    #expect(failure(archive + Array("hell".utf8))?.contains("truncated") == true)
    #expect(failure(Array(archive.dropLast(100)))?.contains("truncated") == true)
  }

  @Test("B14: abuse of numbers, names and extensions is refused")
  func abuse() {
    var negative = [UInt8](repeating: 0xff, count: 12)
    negative[11] = 0xfe
    var huge = [UInt8](repeating: 0xff, count: 12)
    huge[0] = 0x80
    let cases: [(String, [UInt8], String)] = [
      ("negative size", header(size: negative) + end, "out of range"),
      ("size past 63 bits", header(size: huge) + end, "out of range"),
      ("size without content", header(size: octal(4096)), "truncated"),
      ("letters for a number", header(size: Array("12x00000000\0".utf8)) + end, "octal"),
      ("checksum", [UInt8](header().prefix(400)) + [1] + [UInt8](repeating: 0, count: 111) + end, "checksum"),
      ("PAX size past 63 bits", member("x", "29 size=99999999999999999999\n") + header() + end, "out of range"),
      ("negative PAX size", member("x", "11 size=-1\n") + header() + end, "out of range"),
      ("PAX record longer than its header", member("x", "999 path=a\n") + header() + end, "wrong length"),
      ("PAX record of length 0", member("x", "0 path=a\n") + header() + end, "wrong length"),
      ("PAX record without a key", member("x", "6 =a2\n") + header() + end, "no key"),
      ("NUL in a PAX name", member("x", "11 path=a\0b\n") + header() + end, "wrong length"),
      ("PAX uid past 32 bits", member("x", "18 uid=4294967296\n") + header() + end, "uid"),
      ("sparse, old", header(type: "S") + end, "sparse"),
      ("sparse, PAX", member("x", "22 GNU.sparse.major=1\n") + header() + end, "sparse"),
      ("unknown type", header(type: "Z") + end, "not supported"),
      ("name of 5000 bytes", member("L", String(repeating: "n", count: 5000)) + header() + end, "longer than"),
      ("extension of 2 MiB", header(type: "x", size: octal(2 << 20)) + end, "extension header"),
      ("2000 PAX records", member("x", String(repeating: "7 a=bc\n", count: 2000)) + header() + end, "records"),
      ("extensions without end", Array(repeating: member("x", "7 a=bc\n"), count: 3000).flatMap { $0 } + end, "extension header"),
      ("member after a zero block", [UInt8](repeating: 0, count: 512) + header() + end, "follows"),
    ]
    for (name, bytes, reason) in cases {
      let cause = failure(bytes)
      #expect(cause?.contains(reason) == true, "\(name): \(cause ?? "accepted")")
    }
  }

  @Test("B14: no cut and no changed byte makes the reader trap")
  func mutations() throws {
    let entry = TarEntry.file(String(repeating: "p/", count: 80) + "f", uid: 3_000_000_000)
    let bytes = try TarFixture.tar([(entry, "content"), (.directory("d"), ""), (.symlink("s", to: "t"), "")])
    for at in stride(from: 0, to: bytes.count, by: 7) { _ = failure(Array(bytes.prefix(at))) }
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<3000 {
      var changed = bytes
      for _ in 0..<3 { changed[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator) }
      // Make the first header's checksum right again, so that what lies behind it is reached.
      changed.replaceSubrange(148..<156, with: Array("        ".utf8))
      let sum = String(changed[0..<512].reduce(0) { $0 + Int($1) }, radix: 8)
      changed.replaceSubrange(148..<156, with: Array((String(repeating: "0", count: 6 - sum.count) + sum + "\u{0} ").utf8))
      _ = failure(changed)
    }
  }
}
