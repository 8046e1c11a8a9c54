import BerthCore

/// Interfaces that are handed from one network namespace to another. Source: config-linux.md "Network Devices".
public enum NetworkDevices {
  /// Moves the interface `name` of the calling thread's network namespace into another, where it is called `newName`, has the permanent
  /// global addresses that it had here, and is up. ENODEV where there is none of that name, EEXIST where the new name is taken.
  public static func move(_ name: String, as newName: String, to namespace: borrowing NetworkNamespace) throws(Errno) {
    let here = try NetlinkSocket(.route)
    guard let link = try here.links().first(where: { $0.name == name }) else { throw .noDevice }
    let prefixes = try here.lastingAddresses(of: link.index)
    try here.require([RouteMessage.move(link.index, to: namespace.file.raw, as: newName)])
    let home = try NetworkNamespace.own()
    try namespace.enter(from: home) { () throws(Errno) in
      let there = try NetlinkSocket(.route)
      guard let link = try there.links().first(where: { $0.name == newName }) else { throw .noDevice }
      try there.require(prefixes.map { RouteMessage.addAddress($0, to: link.index) } + [RouteMessage.setUp(link.index)])
    }
  }
}

extension RouteMessage {
  /// Down, as a new name demands, and into the open network namespace. Source: linux/if_link.h `IFLA_NET_NS_FD`.
  static func move(_ index: Int32, to namespace: Int32, as name: String) -> NetlinkMessage {
    let change = NetlinkMessage.raw(UInt32(0)) + NetlinkMessage.raw(UInt32(1))
    var message = NetlinkMessage(type: 16, header: [0, 0] + NetlinkMessage.raw(UInt16(0)) + NetlinkMessage.raw(index) + change)
    message.attribute(28, NetlinkMessage.raw(namespace))
    message.attribute(3, text: name)
    return message
  }
}

extension NetlinkSocket {
  /// Those that neither age nor hold on this link alone. Source: linux/if_addr.h `ifaddrmsg`, `IFA_F_PERMANENT`, `RT_SCOPE_UNIVERSE`.
  fileprivate func lastingAddresses(of link: Int32) throws(Errno) -> [IPPrefix] {
    try dump(NetlinkMessage(type: 22, flags: .dump, header: [UInt8](repeating: 0, count: 8))).compactMap { part in
      guard part.body.count >= 8, Int32(truncatingIfNeeded: NetlinkAttributes.number(part.body[4..<8])) == link, part.body[3] == 0,
        part.body[2] & 0x80 != 0
      else { return nil }
      let attributes = NetlinkAttributes(part.body[8...])
      // Of a point-to-point link the second is the other side's.
      return (attributes[2] ?? attributes[1]).flatMap { IPAddress(bytes: $0) }.flatMap { IPPrefix($0, length: Int(part.body[1])) }
    }
  }
}
