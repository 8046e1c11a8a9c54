import BerthCore

/// Berth's own network: one bridge on this node with an IPv4 and, where the node has it, an IPv6 subnet. A value; kept as a CNI
/// configuration list that says the same to the reference plugins.
public struct BridgeConfiguration: Sendable, Hashable {
  public var name: String
  /// The bridge's interface: at most 15 bytes.
  public var link: String
  /// One of each family at most; `address` is the network's own.
  public var subnets: [IPPrefix]

  public init(name: String, link: String, subnets: [IPPrefix]) {
    self.name = name
    self.link = link
    self.subnets = subnets
  }

  /// The first address of a subnet is the bridge's.
  public static func gateway(of subnet: IPPrefix) -> IPAddress { subnet.network.advanced(by: 1) }

  /// The subnet's gateway with the subnet's length.
  public var gateways: [IPPrefix] { subnets.compactMap { IPPrefix(Self.gateway(of: $0), length: $0.length) } }

  // MARK: choosing subnets

  /// Subnets that overlap with none in `taken`: a /20 of 10.64.0.0/10 and a /64 of fd00::/8, found from `instance` (8 hexadecimal digits)
  /// so that daemons with different roots seldom look at the same. Empty if there is none left.
  public static func choose(instance: String, taken: [IPPrefix], withIPv6: Bool) -> [IPPrefix] {
    let seed = UInt32(instance.prefix(8), radix: 16) ?? 0
    var subnets: [IPPrefix] = []
    for step in 0..<UInt32(1024) {
      let block = (seed &+ step) % 1024
      guard let base = IPAddress(bytes: [10, 64, 0, 0]), let subnet = IPPrefix(base.advanced(by: block << 12), length: 20) else { continue }
      if !taken.contains(where: { $0.overlaps(subnet) }) {
        subnets.append(subnet)
        break
      }
    }
    guard withIPv6, !subnets.isEmpty else { return subnets }
    for step in 0..<UInt32(256) {
      let number = seed.addingReportingOverflow(step).partialValue
      let bytes: [UInt8] =
        [0xfd, 0xbe] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) } + [UInt8](repeating: 0, count: 10)
      guard let base = IPAddress(bytes: bytes), let subnet = IPPrefix(base, length: 64) else { continue }
      if !taken.contains(where: { $0.overlaps(subnet) }) { return subnets + [subnet] }
    }
    return subnets
  }

  // MARK: as CNI says it

  /// `dataDirectory`: where the addresses in use lie, in host-local's layout.
  public func conflist(dataDirectory: String) -> JSON {
    let ranges = subnets.map { JSON.array([["subnet": .string("\($0)")]]) }
    let routes = subnets.map { JSON.object(["dst": .string($0.isIPv6 ? "::/0" : "0.0.0.0/0")]) }
    return [
      "cniVersion": "1.0.0", "name": .string(name),
      "plugins": [
        [
          "type": "bridge", "bridge": .string(link), "isGateway": true, "ipMasq": true, "hairpinMode": true,
          "capabilities": ["ips": true, "mac": true],
          "ipam": ["type": "host-local", "dataDir": .string(dataDirectory), "ranges": .array(ranges), "routes": .array(routes)],
        ],
        ["type": "portmap", "capabilities": ["portMappings": true]],
      ],
    ]
  }

  /// What `conflist` wrote; nil for anything else.
  public init?(conflist: JSON) {
    guard let name = conflist["name"]?.string, let plugin = conflist["plugins"]?.array?.first, let link = plugin["bridge"]?.string,
      let ranges = plugin["ipam"]?["ranges"]?.array
    else { return nil }
    let subnets = ranges.compactMap { $0.array?.first?["subnet"]?.string.flatMap { IPPrefix($0) } }
    guard subnets.count == ranges.count, Self.areUsable(subnets) else { return nil }
    self.init(name: name, link: link, subnets: subnets)
  }

  /// At least one, one of each family at most, with room for a gateway and a pod.
  public static func areUsable(_ subnets: [IPPrefix]) -> Bool {
    (1...2).contains(subnets.count) && Set(subnets.map(\.isIPv6)).count == subnets.count
      && subnets.allSatisfy { $0.network == $0.address && $0.count >= 4 }
  }
}
