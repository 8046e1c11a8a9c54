import BerthCore
import CISAL

/// gunzip by ISA-L, any number of members one after the other. Source: RFC 1952.
final class GzipSource: ByteSource {
  private let input: InputBuffer
  private let limits: DecompressionLimits
  private let state = UnsafeMutablePointer<inflate_state>.allocate(capacity: 1)
  private var output: Int64 = 0
  private var inMember = false
  private var ended = false

  init(_ input: InputBuffer, _ limits: DecompressionLimits) {
    self.input = input
    self.limits = limits
    isal_inflate_init(state)
  }

  deinit { state.deallocate() }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(BerthError) -> Int {
    guard !ended, let base = buffer.baseAddress else { return 0 }
    let room = UInt32(clamping: buffer.count)
    while true {
      if !inMember {
        guard try beginMember() else { return 0 }
      }
      state.pointee.next_out = base.assumingMemoryBound(to: UInt8.self)
      state.pointee.avail_out = room
      while state.pointee.avail_out == room, inMember { try inflateOnce() }
      let count = Int(room - state.pointee.avail_out)
      if count == 0 { continue }
      output += Int64(count)
      try limits.check(input: input.taken, output: output)
      return count
    }
  }

  private func inflateOnce() throws(BerthError) {
    let hadInput = try input.refill()
    let (before, waiting) = (state.pointee.block_state, state.pointee.avail_out)
    let available = input.available
    state.pointee.next_in = UnsafeMutablePointer(mutating: available.baseAddress?.assumingMemoryBound(to: UInt8.self))
    state.pointee.avail_in = UInt32(clamping: available.count)
    let result = isal_inflate(state)
    // ISA-L counts the input that is left wrongly at the end of some broken streams.
    guard result >= 0, result != ISAL_NEED_DICT, Int(state.pointee.avail_in) <= available.count else { throw Self.failure(result) }
    input.consume(available.count - Int(state.pointee.avail_in))
    if state.pointee.block_state == ISAL_BLOCK_FINISH {
      inMember = false
      return
    }
    // Without input the decoder may still hand out what it holds; if it doesn't, the stream ends too early.
    if !hadInput, state.pointee.avail_out == waiting, state.pointee.block_state == before {
      throw BerthError(.dataLoss, "decompress", cause: "the gzip data is truncated")
    }
  }

  /// Whether another member follows. Anything else after a member is an error. The header is read here because ISA-L forgets its flags
  /// when a header reaches it in several parts.
  private func beginMember() throws(BerthError) -> Bool {
    guard try input.refill() else {
      ended = true
      return false
    }
    guard try next() == 0x1f, try next() == 0x8b, try next() == 8 else { throw Self.failure(ISAL_INVALID_WRAPPER) }
    let flags = try next()
    guard flags & 0xe0 == 0 else { throw Self.failure(ISAL_INVALID_WRAPPER) }
    // Time, extra flags, operating system.
    for _ in 0..<6 { _ = try next() }
    if flags & 4 != 0 {
      let (low, high) = (Int(try next()), Int(try next()))
      for _ in 0..<(low | high << 8) { _ = try next() }
    }
    // Name and comment.
    if flags & 8 != 0 { try skipText() }
    if flags & 16 != 0 { try skipText() }
    if flags & 2 != 0 { for _ in 0..<2 { _ = try next() } }
    isal_inflate_reset(state)
    state.pointee.crc_flag = UInt32(ISAL_GZIP_NO_HDR_VER)
    inMember = true
    return true
  }

  private func next() throws(BerthError) -> UInt8 {
    guard try input.refill(), let byte = input.available.first else {
      throw BerthError(.dataLoss, "decompress", cause: "the gzip data is truncated")
    }
    input.consume(1)
    return byte
  }

  private func skipText() throws(BerthError) {
    for _ in 0..<(64 << 10) where try next() == 0 { return }
    throw Self.failure(ISAL_INVALID_WRAPPER)
  }

  private static func failure(_ result: Int32) -> BerthError {
    let cause =
      switch result {
      case ISAL_INCORRECT_CHECKSUM: "the gzip data has the wrong checksum"
      case ISAL_INVALID_WRAPPER, ISAL_UNSUPPORTED_METHOD: "it is not gzip data, or something else follows gzip data"
      default: "the gzip data is corrupt"
      }
    return BerthError(.dataLoss, "decompress", cause: cause)
  }
}

/// gzip by ISA-L at its first level; one member.
public final class GzipSink: ByteSink {
  private let sink: any ByteSink
  private let stream = UnsafeMutablePointer<isal_zstream>.allocate(capacity: 1)
  private static let levelBytes = 1 << 20
  private let level = UnsafeMutableRawPointer.allocate(byteCount: levelBytes, alignment: 64)
  private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)

  public init(_ sink: any ByteSink) {
    self.sink = sink
    isal_deflate_init(stream)
    stream.pointee.level = 1
    stream.pointee.level_buf = level.assumingMemoryBound(to: UInt8.self)
    stream.pointee.level_buf_size = UInt32(Self.levelBytes)
    stream.pointee.gzip_flag = UInt16(IGZIP_GZIP)
  }

  deinit {
    stream.deallocate()
    level.deallocate()
    output.deallocate()
  }

  public func write(_ bytes: UnsafeRawBufferPointer) throws(BerthError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
      try deflate(part, last: false)
      rest = rest.dropFirst(part.count)
    }
  }

  /// Writes what is left and the trailer. Nothing may be written after it.
  public func finish() throws(BerthError) { try deflate(UnsafeRawBufferPointer(start: nil, count: 0), last: true) }

  private func deflate(_ bytes: UnsafeRawBufferPointer, last: Bool) throws(BerthError) {
    stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = UInt32(clamping: bytes.count)
    stream.pointee.end_of_stream = last ? 1 : 0
    repeat {
      stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
      stream.pointee.avail_out = UInt32(output.count)
      guard isal_deflate(stream) == COMP_OK else { throw BerthError(.bug, "compress", cause: "ISA-L refused its parameters") }
      let made = output.count - Int(stream.pointee.avail_out)
      if made > 0 { try sink.write(UnsafeRawBufferPointer(rebasing: output[..<made])) }
    } while stream.pointee.avail_out == 0 || stream.pointee.avail_in > 0
  }
}
