import BerthCore

/// Requests of rtnetlink. Source: rtnetlink(7), linux/if_link.h, linux/if_addr.h, linux/rtnetlink.h.
public enum RouteMessage {
  private static let up: UInt32 = 1

  private static func link(index: Int32 = 0, isUp: Bool) -> [UInt8] {
    let flags = isUp ? up : 0
    return [0, 0] + NetlinkMessage.raw(UInt16(0)) + NetlinkMessage.raw(index) + NetlinkMessage.raw(flags) + NetlinkMessage.raw(flags)
  }

  private enum Link {
    static let address: UInt16 = 1
    static let name: UInt16 = 3
    static let mtu: UInt16 = 4
    static let master: UInt16 = 10
    static let info: UInt16 = 18
    static let namespace: UInt16 = 28
    static let infoKind: UInt16 = 1
    static let infoData: UInt16 = 2
    static let infoSlaveKind: UInt16 = 4
    static let infoSlaveData: UInt16 = 5
    static let portHairpin: UInt16 = 4
    static let vethPeer: UInt16 = 1
  }

  /// A bridge, up. `mac` is fixed, so that it doesn't follow those of its ports. EEXIST if the name is taken.
  public static func addBridge(_ name: String, mac: [UInt8]) -> NetlinkMessage {
    var message = NetlinkMessage(type: 16, flags: [.create, .exclusive], header: link(isUp: true))
    message.attribute(Link.name, text: name)
    message.attribute(Link.address, mac)
    message.nested(Link.info) { $0.attribute(Link.infoKind, text: "bridge") }
    return message
  }

  /// A pair of interfaces: `name` here, up, a port of the bridge with index `bridge`; `peer` in the open network namespace, down (the
  /// kernel refuses to open it before the pair is whole).
  public static func addPair(_ name: String, bridge: Int32, peer: String, mac: [UInt8], namespace: Int32, mtu: UInt32?) -> NetlinkMessage {
    var message = NetlinkMessage(type: 16, flags: [.create, .exclusive], header: link(isUp: true))
    message.attribute(Link.name, text: name)
    message.attribute(Link.master, NetlinkMessage.raw(bridge))
    if let mtu { message.attribute(Link.mtu, NetlinkMessage.raw(mtu)) }
    message.nested(Link.info) { info in
      info.attribute(Link.infoKind, text: "veth")
      info.nested(Link.infoData) { data in
        data.nested(Link.vethPeer, header: link(isUp: false)) { other in
          other.attribute(Link.name, text: peer)
          other.attribute(Link.address, mac)
          if let mtu { other.attribute(Link.mtu, NetlinkMessage.raw(mtu)) }
          other.attribute(Link.namespace, NetlinkMessage.raw(namespace))
        }
      }
    }
    return message
  }

  public static func setUp(_ index: Int32) -> NetlinkMessage { NetlinkMessage(type: 16, header: link(index: index, isUp: true)) }

  /// Lets a bridge's port send back where it came from: for a pod that reaches itself by a published port.
  public static func setHairpin(_ name: String) -> NetlinkMessage {
    var message = NetlinkMessage(type: 16, header: link(isUp: false))
    message.attribute(Link.name, text: name)
    message.nested(Link.info) { info in
      info.attribute(Link.infoSlaveKind, text: "bridge")
      info.nested(Link.infoSlaveData) { $0.attribute(Link.portHairpin, [1]) }
    }
    return message
  }

  public static func deleteLink(_ name: String) -> NetlinkMessage {
    var message = NetlinkMessage(type: 17, header: link(isUp: false))
    message.attribute(Link.name, text: name)
    return message
  }

  /// Without duplicate address detection: nobody else can have it. EEXIST if it is there already.
  public static func addAddress(_ prefix: IPPrefix, to index: Int32) -> NetlinkMessage {
    let noDetection: UInt8 = prefix.isIPv6 ? 0x02 : 0
    let header = [family(prefix.address), UInt8(clamping: prefix.length), noDetection, 0] + NetlinkMessage.raw(index)
    var message = NetlinkMessage(type: 20, flags: [.create, .exclusive], header: header)
    if !prefix.isIPv6 { message.attribute(2, prefix.address.bytes) }
    message.attribute(1, prefix.address.bytes)
    return message
  }

  /// The default route. Source: linux/rtnetlink.h: table main, protocol static, scope universe, a unicast route.
  public static func addDefaultRoute(via gateway: IPAddress, on index: Int32) -> NetlinkMessage {
    let header: [UInt8] = [family(gateway), 0, 0, 0, 254, 4, 0, 1] + NetlinkMessage.raw(UInt32(0))
    var message = NetlinkMessage(type: 24, flags: [.create, .exclusive], header: header)
    message.attribute(5, gateway.bytes)
    message.attribute(4, NetlinkMessage.raw(index))
    return message
  }

  /// Lets out at most so many bytes a second: a token bucket with a burst of a tenth of a second and a queue of a quarter.
  /// Source: linux/pkt_sched.h `tc_tbf_qopt`.
  public static func limit(_ index: Int32, bytesPerSecond rate: UInt64) -> NetlinkMessage {
    let burst = UInt32(clamping: max(rate / 10, 128 << 10))
    let queue = UInt32(clamping: UInt64(burst) + rate / 4)
    let root = NetlinkMessage.raw(UInt32(0xFFFF_FFFF))
    let header = [UInt8](repeating: 0, count: 4) + NetlinkMessage.raw(index) + NetlinkMessage.raw(UInt32(0x1_0000)) + root
    var message = NetlinkMessage(type: 36, flags: [.create, .replace], header: header + NetlinkMessage.raw(UInt32(0)))
    message.attribute(1, text: "tbf")
    message.nested(2) { options in
      // Rate: cell_log, link layer Ethernet, overhead, cell_align, mpu, rate; then no peak rate.
      let number = NetlinkMessage.raw(UInt32(clamping: rate))
      let parameters: [UInt8] = [0, 1, 0, 0, 0, 0, 0, 0] + number + [UInt8](repeating: 0, count: 12)
      options.attribute(1, parameters + NetlinkMessage.raw(queue) + NetlinkMessage.raw(UInt32(0)) + NetlinkMessage.raw(UInt32(0)))
      options.attribute(6, NetlinkMessage.raw(burst))
      if rate > UInt32.max { options.attribute(4, NetlinkMessage.raw(rate)) }
    }
    return message
  }

  static func family(_ address: IPAddress) -> UInt8 { address.isIPv6 ? 10 : 2 }
}

/// A network interface.
public struct NetworkLink: Sendable, Hashable {
  public var index: Int32
  public var name: String
  /// Index of the bridge it is a port of; 0 for none.
  public var master: Int32
  public var mtu: UInt32
}

extension NetlinkSocket {
  /// Every interface of the socket's namespace.
  public func links() throws(Errno) -> [NetworkLink] {
    let header = [UInt8](repeating: 0, count: 16)
    return try dump(NetlinkMessage(type: 18, flags: .dump, header: header)).compactMap { part in
      guard part.body.count >= 16 else { return nil }
      let attributes = NetlinkAttributes(part.body[16...])
      return NetworkLink(
        index: Int32(truncatingIfNeeded: NetlinkAttributes.number(part.body[4..<8])), name: attributes.text(3) ?? "",
        master: Int32(truncatingIfNeeded: attributes.number(10) ?? 0), mtu: UInt32(truncatingIfNeeded: attributes.number(4) ?? 0))
    }
  }

  /// Addresses of every interface.
  public func addresses() throws(Errno) -> [(link: Int32, prefix: IPPrefix)] {
    try dump(NetlinkMessage(type: 22, flags: .dump, header: [UInt8](repeating: 0, count: 8))).compactMap { part in
      guard part.body.count >= 8, let address = NetlinkAttributes(part.body[8...])[1].flatMap({ IPAddress(bytes: $0) }),
        let prefix = IPPrefix(address, length: Int(part.body[1]))
      else { return nil }
      return (Int32(truncatingIfNeeded: NetlinkAttributes.number(part.body[4..<8])), prefix)
    }
  }

  /// Destinations of all routes in all tables, but default routes.
  public func routes() throws(Errno) -> [IPPrefix] {
    try dump(NetlinkMessage(type: 26, flags: .dump, header: [UInt8](repeating: 0, count: 12))).compactMap { part in
      guard part.body.count >= 12, part.body[1] > 0, let address = NetlinkAttributes(part.body[12...])[1].flatMap({ IPAddress(bytes: $0) })
      else { return nil }
      return IPPrefix(address, length: Int(part.body[1]))
    }
  }
}
