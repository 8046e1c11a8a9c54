import CBerthSys
import Glibc

/// A netlink socket of the network namespace in which it was made. For one thread at a time. Source: netlink(7).
public final class NetlinkSocket: @unchecked Sendable {
  // Checked by hand: whoever owns it uses it from one thread at a time.
  public enum Family: Int32, Sendable {
    case route = 0
    case netfilter = 12
  }

  private let file: FD
  private var sequence: UInt32 = 0
  private var buffer = [UInt8](repeating: 0, count: 64 << 10)

  public init(_ family: Family) throws(Errno) {
    file = FD(owning: try call { socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), family.rawValue) })
    let number = file.raw
    var on: Int32 = 1
    // SOL_NETLINK, NETLINK_CAP_ACK: an error comes without the request that it is about.
    _ = setsockopt(number, 270, 10, &on, socklen_t(MemoryLayout<Int32>.size))
    // A kernel that answers late is waited for, one that never does is not.
    var limit = timeval(tv_sec: 30, tv_usec: 0)
    _ = setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  /// Sends all in one datagram and waits for the kernel's word on each: nil for done. They are performed in order, those after a failed
  /// one too.
  public func perform(_ messages: [NetlinkMessage]) throws(Errno) -> [Errno?] {
    let first = sequence &+ 1
    try send(messages, acknowledge: true)
    var results = [Errno?](repeating: nil, count: messages.count)
    var open = Set(messages.indices)
    while !open.isEmpty {
      for part in try receive() where part.type == Self.error {
        let at = Int(part.sequence &- first)
        guard open.remove(at) != nil else { continue }
        let code = Int32(truncatingIfNeeded: NetlinkAttributes.number(part.body.prefix(4)))
        if code != 0 { results[at] = Errno(-code) }
      }
    }
    return results
  }

  /// Throws the first failure.
  public func require(_ messages: [NetlinkMessage]) throws(Errno) {
    for case let failure? in try perform(messages) { throw failure }
  }

  /// All changes of nftables in `messages`, or none. Source: linux/netfilter/nfnetlink.h, `NFNL_MSG_BATCH_BEGIN`.
  public func batch(_ messages: [NetlinkMessage], subsystem: UInt16) throws(Errno) {
    let header = [UInt8](arrayLiteral: 0, 0) + NetlinkMessage.big(subsystem)
    let first = sequence &+ 1
    let all = [NetlinkMessage(type: 0x10, header: header)] + messages + [NetlinkMessage(type: 0x11, header: header)]
    try send(all, acknowledge: false, acknowledgeLast: true)
    // The first failure, or the end's acknowledgement: after that the kernel says no more.
    while true {
      for part in try receive() where part.type == Self.error && part.sequence &- first < UInt32(all.count) {
        let code = Int32(truncatingIfNeeded: NetlinkAttributes.number(part.body.prefix(4)))
        if code != 0 {
          drain()
          throw Errno(-code)
        }
        return
      }
    }
  }

  /// The answers to a dump: of each the family's header and the attributes.
  public func dump(_ message: NetlinkMessage) throws(Errno) -> [(type: UInt16, body: [UInt8])] {
    try send([message], acknowledge: false)
    var parts: [(UInt16, [UInt8])] = []
    while true {
      for part in try receive() where part.sequence == sequence {
        if part.type == Self.done { return parts }
        if part.type == Self.error {
          let code = Int32(truncatingIfNeeded: NetlinkAttributes.number(part.body.prefix(4)))
          if code != 0 { throw Errno(-code) }
          return parts
        }
        parts.append((part.type, Array(part.body)))
      }
    }
  }

  // MARK: the wire

  private static let error: UInt16 = 2
  private static let done: UInt16 = 3

  private func send(_ messages: [NetlinkMessage], acknowledge: Bool, acknowledgeLast: Bool = false) throws(Errno) {
    var bytes: [UInt8] = []
    for (at, var message) in messages.enumerated() {
      sequence &+= 1
      message.setSequence(sequence)
      if acknowledge || (acknowledgeLast && at == messages.count - 1) { message.askForAnswer() }
      bytes += message.bytes
    }
    let number = file.raw
    let sent = try call { bytes.withUnsafeBytes { Glibc.send(number, $0.baseAddress, $0.count, 0) } }
    if sent != bytes.count { throw .tooBig }
  }

  private func receive() throws(Errno) -> [(type: UInt16, sequence: UInt32, body: ArraySlice<UInt8>)] {
    let number = file.raw
    let count = try call { buffer.withUnsafeMutableBytes { recv(number, $0.baseAddress, $0.count, Int32(MSG_TRUNC)) } }
    guard count <= buffer.count else { throw .tooBig }
    let bytes = Array(buffer[..<count])[...]
    var parts: [(UInt16, UInt32, ArraySlice<UInt8>)] = []
    var at = 0
    while bytes.count - at >= NetlinkMessage.headerSize {
      let length = Int(NetlinkAttributes.number(bytes[at..<at + 4]))
      guard length >= NetlinkMessage.headerSize, length <= bytes.count - at else { break }
      let type = UInt16(truncatingIfNeeded: NetlinkAttributes.number(bytes[at + 4..<at + 6]))
      let sequence = UInt32(truncatingIfNeeded: NetlinkAttributes.number(bytes[at + 8..<at + 12]))
      parts.append((type, sequence, bytes[at + NetlinkMessage.headerSize..<at + length]))
      at += (length + 3) & ~3
    }
    return parts
  }

  /// What else waits: further errors of a batch that failed.
  private func drain() {
    let number = file.raw
    while buffer.withUnsafeMutableBytes({ recv(number, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }) > 0 {}
  }
}
