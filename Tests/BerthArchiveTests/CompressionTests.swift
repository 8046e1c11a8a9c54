import BerthArchive
import BerthCore
import BerthLinux
import ImageFixtures
import Testing

@Suite("compressed streams")
struct CompressionTests {
  /// Hands out few bytes at a time, so that every boundary is crossed.
  private final class Drip: ByteSource {
    let bytes: [UInt8]
    let step: Int
    var at = 0
    init(_ bytes: [UInt8], step: Int) {
      self.bytes = bytes
      self.step = step
    }
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(BerthError) -> Int {
      let count = min(step, buffer.count, bytes.count - at)
      for offset in 0..<count { buffer[offset] = bytes[at + offset] }
      at += count
      return count
    }
  }

  private func unpack(_ bytes: [UInt8], step: Int = 1 << 16, limits: DecompressionLimits = DecompressionLimits()) throws(BerthError)
    -> [UInt8]
  {
    let sink = MemorySink()
    try sink.copy(from: try Compression.open(Drip(bytes, step: step), limits: limits))
    return sink.bytes
  }

  private func gzip(_ bytes: [UInt8]) throws(BerthError) -> [UInt8] {
    let sink = MemorySink()
    let gzip = GzipSink(sink)
    try gzip.write(bytes)
    try gzip.finish()
    return sink.bytes
  }

  private let text = Array(String(repeating: "layers upon layers, ", count: 20_000).utf8)

  @Test("gzip made here is read by gzip and back", .enabled(if: Command.exists("/usr/bin/gzip"), "needs gzip"))
  func gzipRoundTrip() throws {
    let packed = try gzip(text)
    #expect(packed.count < text.count / 5)
    for step in [1, 7, 1000, 1 << 20] { #expect(try unpack(packed, step: step) == text) }
    let directory = try TemporaryDirectory()
    try directory.write("a.gz", packed)
    #expect(try Command.run("/usr/bin/gzip", "-t", directory("a.gz")).succeeded)
    #expect(try unpack(try gzip([])).isEmpty)
  }

  @Test("a broken stream after which ISA-L tells of more input than there is is corrupt; found by fuzzing")
  func countedWrongly() {
    let packed: [UInt8] = [
      0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x49, 0xac, 0x4c, 0x2d, 0x2a,
      0x56, 0xc8, 0x19, 0xa5, 0x68, 0x41, 0x01, 0x00, 0x8b, 0x41, 0x83, 0x6b, 0x5e, 0x01, 0x00, 0x00,
      0x1f, 0x8b, 0x08, 0x00, 0xfc, 0xff, 0xff, 0xff, 0x02, 0x03, 0xcb, 0x49, 0xac, 0x4c, 0x2d, 0x2a,
      0x00, 0xd3, 0x00, 0x02, 0x03, 0xcb, 0x49, 0xac, 0x8b, 0x41, 0x83, 0x6b, 0x5e, 0x01, 0x00, 0x00,
    ]
    for size in [1, 7, 64] { #expect(throws: BerthError.self, "pieces of \(size)") { try unpack(packed, step: size) } }
  }

  @Test("several gzip members are one stream, however they are cut")
  func members() throws {
    let packed = try gzip(Array("one ".utf8)) + gzip([]) + gzip(text)
    for step in [1, 3, 64, 1 << 20] { #expect(try unpack(packed, step: step) == Array("one ".utf8) + text) }
  }

  @Test("gzip with every header field is read", .enabled(if: Command.exists("/usr/bin/gzip"), "needs gzip"))
  func gzipNames() throws {
    let directory = try TemporaryDirectory()
    try directory.write("name", text)
    #expect(try Command.run("/usr/bin/gzip", "-9", directory("name")).succeeded)
    #expect(try unpack(try Files.read(directory("name.gz")), step: 5) == text)
  }

  @Test("truncated, corrupt and trailing bytes are errors")
  func damage() throws {
    let packed = try gzip(text)
    for cut in [5, 12, packed.count / 2, packed.count - 9, packed.count - 1] {
      #expect(throws: BerthError.self, "cut at \(cut)") { try unpack(Array(packed.prefix(cut))) }
    }
    var wrong = packed
    wrong[packed.count - 6] ^= 1
    #expect(throws: BerthError.self) { try unpack(wrong) }
    #expect(throws: BerthError.self) { try unpack(packed + Array("garbage".utf8)) }
  }

  @Test(
    "zstd is read, several frames as one stream; damage is an error", .enabled(if: Command.exists("/usr/bin/zstd"), "needs the zstd tool"))
  func zstd() throws {
    let directory = try TemporaryDirectory()
    try directory.write("a", text)
    #expect(try Command.run("/usr/bin/zstd", "-q", directory("a")).succeeded)
    let packed = try Files.read(directory("a.zst"))
    for step in [1, 100, 1 << 20] { #expect(try unpack(packed + packed, step: step) == text + text) }
    #expect(throws: BerthError.self) { try unpack(Array(packed.dropLast(3))) }
  }

  @Test(
    "zstd:chunked is zstd: frames that are to be skipped may come first, between and last",
    .enabled(if: Command.exists("/usr/bin/zstd"), "needs the zstd tool"))
  func skipped() throws {
    let directory = try TemporaryDirectory()
    try directory.write("a", text)
    #expect(try Command.run("/usr/bin/zstd", "-q", directory("a")).succeeded)
    let packed = try Files.read(directory("a.zst"))
    // RFC 8878 3.1.2: a magic of sixteen, the size, anything.
    for number: UInt8 in [0, 15] {
      let skipped: [UInt8] = [0x50 | number, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]
      for step in [1, 100, 1 << 20] {
        #expect(try unpack(skipped + packed + skipped + packed + skipped, step: step) == text + text)
      }
    }
  }

  @Test("a zstd frame that wants a window of 2 GiB is an error, however it is cut and however little it holds; found by fuzzing")
  func largeWindow() throws {
    // RFC 8878 3.1.1: the size in 8 bytes, a window descriptor, one raw block that is the last.
    func frame(window: UInt8) -> [UInt8] {
      [0x28, 0xb5, 0x2f, 0xfd, 0xc0, window, 5, 0, 0, 0, 0, 0, 0, 0, 5 << 3 | 1, 0, 0] + Array("hello".utf8)
    }
    let small: [UInt8] = frame(window: 0)
    for size in [1, 7, 64] {
      #expect(try unpack(small + small, step: size) == Array("hellohello".utf8))
      #expect(throws: BerthError.self, "pieces of \(size)") { try unpack(frame(window: 21 << 3), step: size) }
    }
  }

  @Test("what is compressed by xz or bzip2 is named")
  func foreign() {
    for (name, magic) in [("xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4, 0xe6, 0xd6] as [UInt8]), ("bzip2", Array("BZh91AY&SY".utf8))] {
      let error = #expect(throws: BerthError.self) { try unpack(magic + text) }
      #expect(error?.code == .unsupported && error?.cause.contains(name) == true, "\(error?.description ?? "")")
    }
  }

  @Test("what a thread reads ahead is lent or copied, in any order, and nothing is lost")
  func lent() throws {
    for turn in 0..<4 {
      let bytes = (0..<1_300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
      let got = try ThreadedSource.pipe(MemorySource(bytes)) { (pipe) throws(BerthError) -> [UInt8] in
        var got: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 100_003)
        while true {
          if turn == 3 || (turn > 0 && got.count % (turn + 1) == 0) {
            let lent = try pipe.lend()
            if lent.isEmpty { return got }
            got += lent
          } else {
            let count = try part.withBytes { (buffer) throws(BerthError) in try pipe.read(into: buffer) }
            if count == 0 { return got }
            got += part[..<count]
          }
        }
      }
      #expect(got == bytes, "turn \(turn)")
    }
  }

  @Test("B07: a bomb is stopped by its ratio and by its size")
  func bombs() throws {
    let packed = try gzip([UInt8](repeating: 0, count: 8 << 20))
    #expect(try unpack(packed).count == 8 << 20)
    let ratio = DecompressionLimits(ratio: 50, ratioFrom: 1 << 20)
    #expect(throws: BerthError.self) { try unpack(packed, limits: ratio) }
    #expect(throws: BerthError.self) { try unpack(packed, limits: DecompressionLimits(bytes: 1 << 20)) }
    #expect(throws: BerthError.self) { try unpack(text, limits: DecompressionLimits(bytes: 1000)) }
  }

  @Test("B07: a zstd frame may ask for a window of 128 MiB, and not for more", arguments: 17...21)
  func window(exponent: UInt8) throws {
    // RFC 8878: magic, a header with nothing but the window's exponent, one last raw block of a byte.
    let frame: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0, exponent << 3, 9, 0, 0, 120]
    if exponent == 17 { return #expect(try unpack(frame) == [120]) }
    let error = #expect(throws: BerthError.self) { try unpack(frame) }
    #expect(error?.cause.contains("memory") == true, "\(error?.cause ?? "")")
  }

  @Test("what isn't compressed passes unchanged, short streams too")
  func plain() throws {
    for bytes in [[], [1], [0x1f], text] { #expect(try unpack(bytes, step: 3) == bytes) }
  }
}
