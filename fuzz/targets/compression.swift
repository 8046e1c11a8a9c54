import BerthArchive
import BerthCore

/// libFuzzer's entry: any bytes as gzip, zstd or neither, that come and are read in steps of odd sizes. What must hold: no trap, never more
/// than the limits allow, the same outcome however it is cut, and what isn't compressed comes out as it went in.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCompression(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: data, count: size))
  let whole = outcome(bytes, step: 1 << 16)
  precondition(whole == outcome(bytes, step: 7), "another outcome of the same bytes, read in small steps")
  precondition(whole == outcome(bytes, step: 1 << 16, pieces: 5), "another outcome of the same bytes that come in small pieces")
  if let whole, Compression(magic: bytes.prefix(4)) == .none { precondition(whole == bytes, "plain bytes were changed") }
  return 0
}

private let limit: Int64 = 1 << 20

/// nil for an error.
private func outcome(_ bytes: [UInt8], step: Int, pieces: Int = .max) -> [UInt8]? {
  var out: [UInt8] = []
  do throws(BerthError) {
    let source = try Compression.open(Pieces(bytes, of: pieces), limits: DecompressionLimits(bytes: limit))
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: step, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = try source.read(into: buffer)
      if count == 0 { return out }
      out += buffer[..<count]
      precondition(Int64(out.count) <= limit, "more than the limit")
    }
  } catch { return nil }
}

private final class Pieces: ByteSource {
  private let source: MemorySource
  private let size: Int

  init(_ bytes: [UInt8], of size: Int) {
    source = MemorySource(bytes)
    self.size = size
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(BerthError) -> Int {
    try source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(size)))
  }
}
