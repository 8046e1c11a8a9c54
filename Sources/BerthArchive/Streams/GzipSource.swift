import BerthCore
import CISAL

/// gunzip by ISA-L, any number of members one after the other. Source: RFC 1952.
final class GzipSource: ByteSource {
  private let input: InputBuffer
  private let limits: DecompressionLimits
  private let state = UnsafeMutablePointer<inflate_state>.allocate(capacity: 1)
  private var output: Int64 = 0
  private var ended = false

  init(_ input: InputBuffer, _ limits: DecompressionLimits) {
    self.input = input
    self.limits = limits
    isal_inflate_init(state)
    state.pointee.crc_flag = UInt32(ISAL_GZIP)
  }

  deinit { state.deallocate() }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(BerthError) -> Int {
    guard !ended, let base = buffer.baseAddress else { return 0 }
    let room = UInt32(clamping: buffer.count)
    state.pointee.next_out = base.assumingMemoryBound(to: UInt8.self)
    state.pointee.avail_out = room
    while state.pointee.avail_out == room {
      if state.pointee.block_state == ISAL_BLOCK_FINISH {
        guard try beginNextMember() else { break }
      }
      try inflateOnce()
    }
    let count = Int(room - state.pointee.avail_out)
    output += Int64(count)
    try limits.check(input: input.total, output: output)
    return count
  }

  private func inflateOnce() throws(BerthError) {
    let hadInput = try input.refill()
    let (before, waiting) = (state.pointee.block_state, state.pointee.avail_out)
    let available = input.available
    state.pointee.next_in = UnsafeMutablePointer(mutating: available.baseAddress?.assumingMemoryBound(to: UInt8.self))
    state.pointee.avail_in = UInt32(clamping: available.count)
    let result = isal_inflate(state)
    input.consume(available.count - Int(state.pointee.avail_in))
    guard result >= 0, result != ISAL_NEED_DICT else { throw Self.failure(result) }
    // Without input the decoder may still hand out what it holds; if it doesn't, the stream ends too early.
    if !hadInput, state.pointee.avail_out == waiting, state.pointee.block_state == before {
      throw BerthError(.dataLoss, "decompress", cause: "the gzip data is truncated")
    }
  }

  /// Whether another member follows. Anything else after a member is an error.
  private func beginNextMember() throws(BerthError) -> Bool {
    guard try input.refill() else {
      ended = true
      return false
    }
    let (next, room) = (state.pointee.next_out, state.pointee.avail_out)
    isal_inflate_reset(state)
    state.pointee.crc_flag = UInt32(ISAL_GZIP)
    state.pointee.next_out = next
    state.pointee.avail_out = room
    return true
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
