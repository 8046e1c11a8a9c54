import CBerthSys
import Glibc

/// Descriptors that came with a message, open and close-on-exec; closed unless taken.
public struct PassedDescriptors: ~Copyable {
  private var first: FD?
  private var second: FD?
  private var third: FD?
  public let count: Int

  init(_ numbers: [Int32]) {
    count = numbers.count
    if numbers.count > 0 { first = FD(owning: numbers[0]) }
    if numbers.count > 1 { second = FD(owning: numbers[1]) }
    if numbers.count > 2 { third = FD(owning: numbers[2]) }
  }

  /// In the order they were sent in; nil for one that didn't come or was taken before.
  public mutating func takeFirst() -> FD? { first.take() }
  public mutating func takeSecond() -> FD? { second.take() }
  public mutating func takeThird() -> FD? { third.take() }
}

extension PacketConnection {
  /// Sends one message with up to three descriptors (borrowed), without waiting.
  public static func send(_ message: [UInt8], passing descriptors: [Int32], over socket: borrowing FD) throws(Errno) {
    let number = socket.raw
    try call {
      message.withUnsafeBytes { berth_send_passing(number, $0.baseAddress, $0.count, descriptors, Int32(clamping: descriptors.count)) }
    }
  }

  /// As `receive(into:from:)`, and keeps up to three descriptors that came with the message.
  public static func receive(
    into buffer: UnsafeMutableRawBufferPointer, from socket: borrowing FD, passed: inout PassedDescriptors
  ) throws(Errno) -> Received {
    let number = socket.raw
    var numbers: [Int32] = [-1, -1, -1]
    var count: Int32 = 0
    do throws(Errno) {
      let length = try call { berth_receive_passed(number, buffer.baseAddress, buffer.count, &numbers, &count) }
      passed = PassedDescriptors(Array(numbers[..<Int(count)]))
      return length == 0 ? .closed : length > buffer.count ? .truncated : .message(length)
    } catch {
      if error == .again { return .nothing }
      if error == Errno(ECONNRESET) { return .closed }
      throw error
    }
  }
}

extension PacketConnection {
  /// As above, into bytes of its own: the message, no bytes at the end of the connection, nil where there is nothing yet. EMSGSIZE for
  /// one of more than `limit` bytes.
  public static func receive(
    limit: Int, from socket: borrowing FD, passed: inout PassedDescriptors
  ) throws(Errno) -> [UInt8]? {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: limit, alignment: 8)
    defer { buffer.deallocate() }
    switch try receive(into: buffer, from: socket, passed: &passed) {
    case .message(let count): return [UInt8](buffer[..<count])
    case .closed: return []
    case .nothing: return nil
    case .truncated: throw Errno(EMSGSIZE)
    }
  }
}

extension PassedDescriptors {
  /// None.
  public init() { self.init([]) }
}
