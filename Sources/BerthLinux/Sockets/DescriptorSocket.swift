import CBerthSys
import Glibc

/// Messages that arrive whole, and descriptors with them. Source: unix(7), SOCK_SEQPACKET, SCM_RIGHTS.
public enum DescriptorSocket {
  /// Two sockets connected to each other.
  public struct Pair: ~Copyable {
    public let first: FD
    public let second: FD

    public init() throws(Errno) {
      var numbers: [Int32] = [-1, -1]
      try call { numbers.withUnsafeMutableBufferPointer { $0.baseAddress.map { berth_packet_pair($0) } ?? -1 } }
      first = FD(owning: numbers[0])
      second = FD(owning: numbers[1])
    }

    /// Gives both away: the caller closes them.
    public consuming func release() -> (Int32, Int32) { (first.release(), second.release()) }

    /// Closes the second socket and gives the first away.
    public consuming func takeFirst() -> FD { first }
  }

  /// Sends one message, with `descriptor` where it isn't nil (borrowed).
  public static func send(_ bytes: [UInt8], passing descriptor: Int32? = nil, over number: Int32) throws(Errno) {
    try call { bytes.withUnsafeBytes { berth_send_packet(number, $0.baseAddress, $0.count, descriptor ?? -1) } }
  }

  /// Receives one message of at most `limit` bytes (the rest of a longer one is lost); no bytes: the other end is closed.
  public static func receive(limit: Int, from socket: borrowing FD) throws(Errno) -> (bytes: [UInt8], descriptor: Int32?) {
    var passed: Int32 = -1
    var failure: Errno?
    let number = socket.raw
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, filled in
      do throws(Errno) { filled = try call { berth_receive_packet(number, buffer.baseAddress, limit, &passed) } } catch { failure = error }
    }
    if let failure { throw failure }
    return (bytes, passed >= 0 ? passed : nil)
  }
}
