import BerthCore

/// Cuts a byte stream into lines of bounded length.
public struct LineBuffer {
  private var bytes: [UInt8] = []
  /// How far `bytes` was searched for a line's end.
  private var searched = 0
  public init() {}

  public mutating func append(_ more: [UInt8]) throws(BerthError) {
    bytes += more
    if bytes.count > WorkerProtocol.lineBytes * 2 {
      throw WorkerProtocol.malformed("a line is longer than \(WorkerProtocol.lineBytes) bytes")
    }
  }

  /// The next complete line without its newline.
  public mutating func next() -> [UInt8]? {
    guard let end = bytes[searched...].firstIndex(of: 10) else {
      searched = bytes.count
      return nil
    }
    let line = Array(bytes[..<end])
    bytes.removeFirst(end + 1)
    searched = 0
    return line
  }
}
