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

  /// By the first bytes. Source: RFC 1952 2.3.1; RFC 8878 3.1.
  public init(magic: some Collection<UInt8>) {
    self = magic.starts(with: [0x1f, 0x8b]) ? .gzip : magic.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) ? .zstd : .none
  }

  /// A stream of what `source` holds uncompressed. The first bytes decide, not the media type, which images get wrong.
  public static func open(_ source: any ByteSource, limits: DecompressionLimits = DecompressionLimits()) throws(BerthError)
    -> any ByteSource
  {
    let input = InputBuffer(source)
    try input.fill(atLeast: 4)
    switch Compression(magic: input.available) {
    case .gzip: return GzipSource(input, limits)
    case .zstd: return try ZstdSource(input, limits)
    case .none: return PlainSource(input, limits)
    }
  }
}

/// What was read of a source and not taken yet.
final class InputBuffer {
  private let source: any ByteSource
  private let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
  private var start = 0
  private var end = 0
  /// Of all bytes read so far.
  private(set) var total: Int64 = 0

  init(_ source: any ByteSource) { self.source = source }
  deinit { storage.deallocate() }

  var available: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: storage[start..<end]) }

  func consume(_ count: Int) { start = min(end, start + count) }

  /// Reads once more where nothing is left; false at the end.
  func refill() throws(BerthError) -> Bool {
    if start < end { return true }
    start = 0
    end = try source.read(into: storage)
    total += Int64(end)
    return end > 0
  }

  /// Reads until there are `count` bytes (which must fit the buffer) or the source ends.
  func fill(atLeast count: Int) throws(BerthError) {
    while end - start < count {
      let read = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: storage[end...]))
      if read == 0 { return }
      end += read
      total += Int64(read)
    }
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
