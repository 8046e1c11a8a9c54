import BerthCore
import CZstd

/// zstd, any number of frames, windows of at most 128 MiB. Source: RFC 8878.
final class ZstdSource: ByteSource {
  private let input: InputBuffer
  private let limits: DecompressionLimits
  private let context: OpaquePointer
  private var output: Int64 = 0
  /// Whether the last frame is complete, so that the source may end here.
  private var between = true
  /// Bytes of this frame that were handed over, no more counted than a header may have.
  private var headerTaken = 0
  private static let longestHeader = 18

  init(_ input: InputBuffer, _ limits: DecompressionLimits) throws(BerthError) {
    guard let context = ZSTD_createDCtx() else { throw BerthError(.resourceExhausted, "decompress", cause: "out of memory") }
    self.context = context
    self.input = input
    self.limits = limits
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 27)
  }

  deinit { ZSTD_freeDCtx(context) }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(BerthError) -> Int {
    var out = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
    while out.pos == 0 {
      let hadInput = try input.refill()
      if !hadInput, between { return 0 }
      let available = nextInput()
      var part = ZSTD_inBuffer(src: available.baseAddress, size: available.count, pos: 0)
      let result = ZSTD_decompressStream(context, &out, &part)
      input.consume(part.pos)
      headerTaken = min(headerTaken + part.pos, Self.longestHeader)
      guard ZSTD_isError(result) == 0 else {
        throw BerthError(.dataLoss, "decompress", cause: "the zstd data is unusable: \(String(cString: ZSTD_getErrorName(result)))")
      }
      between = result == 0
      if between { headerTaken = 0 }
      if !hadInput, out.pos == 0, !between { throw BerthError(.dataLoss, "decompress", cause: "the zstd data is truncated") }
    }
    output += Int64(out.pos)
    try limits.check(input: input.taken, output: output)
    return out.pos
  }

  /// A frame's header goes byte by byte. libzstd unpacks a frame that it is given whole, with room for all of it, in one go, and doesn't
  /// hold it to the limit of its window then: whether a stream can be read would depend on how it is cut.
  private func nextInput() -> UnsafeRawBufferPointer {
    headerTaken < Self.longestHeader ? UnsafeRawBufferPointer(rebasing: input.available.prefix(1)) : input.available
  }
}
