import BerthCore

/// What a compressed stream may expand to.
public struct DecompressionLimits: Sendable {
  /// Of output, in bytes.
  public var bytes: Int64
  /// Output bytes for one input byte, once there are more than `ratioFrom` bytes of output.
  public var ratio: Int64
  public var ratioFrom: Int64

  public init(bytes: Int64 = 64 << 30, ratio: Int64 = 1000, ratioFrom: Int64 = 64 << 20) {
    self.bytes = bytes
    self.ratio = ratio
    self.ratioFrom = ratioFrom
  }

  func check(input: Int64, output: Int64) throws(BerthError) {
    if output > bytes {
      throw BerthError(.resourceExhausted, "decompress", cause: "it expands to more than \(ByteSize(bytes: bytes))")
    }
    if output > ratioFrom, output / max(1, input) > ratio {
      throw BerthError(.resourceExhausted, "decompress", cause: "it expands to more than \(ratio) times its size")
    }
  }
}

public enum Compression: String, Sendable, Hashable {
  case none
  case gzip
  case zstd

  /// How many of the first bytes tell.
  public static let magicBytes = 10

  /// By the first bytes. A zstd stream may begin with frames that are to be skipped. Source: RFC 1952 2.3.1; RFC 8878 3.1.
  public init(magic: some Collection<UInt8>) {
    let isSkipped = (magic.first ?? 0) & 0xf0 == 0x50 && magic.dropFirst().starts(with: [0x2a, 0x4d, 0x18])
    self = magic.starts(with: [0x1f, 0x8b]) ? .gzip : isSkipped || magic.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) ? .zstd : .none
  }

  /// As `init(magic:)`. Throws `unsupported` for what is compressed in another way.
  public static func of(_ magic: some Collection<UInt8>) throws(BerthError) -> Compression {
    for (name, start) in foreign where magic.starts(with: start) {
      throw BerthError(.unsupported, "decompress", cause: "it is compressed by \(name), which can't be read here; gzip and zstd can")
    }
    return Compression(magic: magic)
  }

  /// Long enough that no tar archive begins like that.
  private static let foreign: [(String, [UInt8])] =
    [("xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0])]
    + (UInt8(ascii: "1")...UInt8(ascii: "9")).map { ("bzip2", Array("BZh".utf8) + [$0, 0x31, 0x41, 0x59]) }

  /// A stream of what `source` holds uncompressed. The first bytes decide, not the media type, which images get wrong.
  public static func open(_ source: any ByteSource, limits: DecompressionLimits = DecompressionLimits()) throws(BerthError)
    -> any ByteSource
  {
    let input = InputBuffer(source)
    try input.fill(atLeast: magicBytes)
    switch try of(input.available) {
    case .gzip: return GzipSource(input, limits)
    case .zstd: return try ZstdSource(input, limits)
    case .none: return PlainSource(input, limits)
    }
  }
}

/// What was read of a source and not taken yet: in a buffer of its own, or where a source that lends has it.
final class InputBuffer {
  private let source: any ByteSource
  private let lender: (any LendingSource)?
  private let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
  private(set) var available = UnsafeRawBufferPointer(start: nil, count: 0)
  /// Of all bytes read so far.
  private(set) var total: Int64 = 0
  /// Of the bytes that were taken: what was read ahead depends on how the bytes came.
  var taken: Int64 { total - Int64(available.count) }

  init(_ source: any ByteSource) {
    self.source = source
    lender = source as? any LendingSource
  }
  deinit { storage.deallocate() }

  func consume(_ count: Int) { available = UnsafeRawBufferPointer(rebasing: available.dropFirst(count)) }

  /// Forgets what wasn't taken.
  func drop() { available = UnsafeRawBufferPointer(start: nil, count: 0) }

  /// Reads once more where nothing is left; false at the end.
  func refill() throws(BerthError) -> Bool {
    if !available.isEmpty { return true }
    if let lender {
      available = try lender.lend()
    } else {
      let count = try source.read(into: storage)
      available = UnsafeRawBufferPointer(rebasing: storage[..<count])
    }
    total += Int64(available.count)
    return !available.isEmpty
  }

  /// Before anything else: reads until there are `count` bytes (which must fit the buffer) or the source ends.
  func fill(atLeast count: Int) throws(BerthError) {
    var end = 0
    while end < count {
      let read = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: storage[end...]))
      if read == 0 { break }
      end += read
    }
    available = UnsafeRawBufferPointer(rebasing: storage[..<end])
    total += Int64(end)
  }
}

/// Not compressed.
final class PlainSource: ByteSource {
  private let input: InputBuffer
  private let limits: DecompressionLimits

  init(_ input: InputBuffer, _ limits: DecompressionLimits) {
    self.input = input
    self.limits = limits
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(BerthError) -> Int {
    guard try input.refill() else { return 0 }
    try limits.check(input: input.total, output: input.total)
    let count = min(buffer.count, input.available.count)
    buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: input.available[..<count]))
    input.consume(count)
    return count
  }
}
