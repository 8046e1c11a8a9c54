import BerthCore
import BerthLinux

/// The kernel's memory of who talks to whom. A sender that goes on from the same port is led where its first packet was led: to a pod that
/// is gone, or past one that has just come. So what is remembered of a published UDP port goes when its pod comes or goes.
/// Source: linux/netfilter/nfnetlink_conntrack.h.
enum ConnectionTracking {
  private static let get: UInt16 = 1 << 8 | 1
  private static let delete: UInt16 = 1 << 8 | 2
  private static let udp: UInt64 = 17

  private enum Attribute {
    static let original: UInt16 = 1
    static let transport: UInt16 = 2
    static let number: UInt16 = 1
    static let destinationPort: UInt16 = 3
  }

  /// Forgets datagrams to the UDP ports among `elements`. Without any, nothing is looked at.
  static func forget(_ elements: [PortElement], _ socket: NetlinkSocket) throws(Errno) {
    let ports = Set(elements.filter { $0.transport == .udp }.map(\.hostPort))
    guard !ports.isEmpty else { return }
    let entries = try socket.dump(NetlinkMessage(type: get, flags: .dump, header: [0, 0, 0, 0])).filter { part in isTo(ports, part.body) }
    for entry in entries {
      var request = NetlinkMessage(type: delete, header: Array(entry.body.prefix(4)))
      guard let tuple = NetlinkAttributes(entry.body[4...])[Attribute.original] else { continue }
      request.nested(Attribute.original, header: tuple) { _ in }
      // One that has just ended is fine.
      if let failure = try socket.perform([request])[0], failure != .notFound { throw failure }
    }
  }

  private static func isTo(_ ports: Set<UInt16>, _ entry: [UInt8]) -> Bool {
    guard entry.count >= 4, let transport = NetlinkAttributes(entry[4...]).nested(Attribute.original)?.nested(Attribute.transport),
      transport.number(Attribute.number) == udp, let port = transport[Attribute.destinationPort], port.count == 2
    else { return false }
    return ports.contains(UInt16(port[0]) << 8 | UInt16(port[1]))
  }
}
