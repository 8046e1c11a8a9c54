import BerthCore

/// The firewall rules of Berth's own network, as nft(8) reads them: written once for the network, in a table of their own. A published
/// port is one element of a map. Pure.
///
/// What they do:
/// 1. A published port of the node leads to its pod, from outside and from the node itself (127.0.0.1 too).
/// 2. Pods go out with the node's address; a pod that reaches itself or a neighbour by a published port is seen as the bridge.
/// 3. Nothing from a pod reaches 127.0.0.0/8 of the node, although route_localnet is on for (1). Source: CVE-2020-8558.
/// 4. What isn't published isn't reached from outside, even by a neighbour who routes to the pod's address.
struct BridgeRules {
  let table: String
  let configuration: BridgeConfiguration

  /// Removes the table; fine where there is none.
  var removal: String { "table inet \(table) {}\ndelete table inet \(table)\n" }

  /// Replaces the table, in one step.
  func text(elements: [PortElement]) -> String {
    removal + """
      table inet \(table) {
      \(maps(elements))
        chain published {
      \(lookups)
        }
        chain prerouting {
          type nat hook prerouting priority dstnat; policy accept;
          fib daddr type local jump published
        }
        chain output {
          type nat hook output priority -100; policy accept;
          fib daddr type local jump published
        }
        chain postrouting {
          type nat hook postrouting priority srcnat; policy accept;
      \(masquerading)
        }
        chain raw {
          type filter hook prerouting priority raw; policy accept;
          iifname "\(configuration.link)" ip daddr 127.0.0.0/8 counter drop
        }
        chain forward {
          type filter hook forward priority filter; policy accept;
          oifname "\(configuration.link)" iifname != "\(configuration.link)" ct state new ct status & dnat == 0 counter drop
        }
      }

      """
  }

  private func maps(_ elements: [PortElement]) -> String {
    PortMap.allCases.map { map in
      let own = elements.filter { $0.map == map }
      let list = own.isEmpty ? "" : "\n    elements = { \(own.map(\.text).joined(separator: ", ")) }"
      return "  map \(map.rawValue) {\n    type \(map.type)\(list)\n  }"
    }.joined(separator: "\n")
  }

  /// An exact address before all addresses.
  private var lookups: String {
    [PortMap.address4, .any4, .address6, .any6].map { map in
      let family = map.isIPv6 ? "ip6" : "ip"
      let key = map.hasAddress ? "\(family) daddr . meta l4proto . th dport" : "meta l4proto . th dport"
      return "    meta nfproto \(map.isIPv6 ? "ipv6" : "ipv4") dnat \(family) to \(key) map @\(map.rawValue)"
    }.joined(separator: "\n")
  }

  private var masquerading: String {
    var lines = ["    oifname \"\(configuration.link)\" ip saddr 127.0.0.0/8 masquerade"]
    for subnet in configuration.subnets {
      let family = subnet.isIPv6 ? "ip6" : "ip"
      lines.append("    oifname \"\(configuration.link)\" \(family) saddr \(subnet) ct status & dnat != 0 masquerade")
      lines.append(
        "    oifname != \"\(configuration.link)\" \(family) saddr \(subnet) \(family) daddr != { \(subnet), \(subnet.isIPv6 ? "ff00::/8" : "224.0.0.0/4") } masquerade"
      )
    }
    return lines.joined(separator: "\n")
  }
}

/// The maps from what is published to where it is.
enum PortMap: String, CaseIterable {
  case any4 = "ports4"
  case address4 = "ports4_on"
  case any6 = "ports6"
  case address6 = "ports6_on"

  var isIPv6: Bool { self == .any6 || self == .address6 }
  /// Whether the node's address is part of the key.
  var hasAddress: Bool { self == .address4 || self == .address6 }

  var type: String {
    let address = isIPv6 ? "ipv6_addr" : "ipv4_addr"
    return (hasAddress ? "\(address) . " : "") + "inet_proto . inet_service : \(address) . inet_service"
  }
}

/// One published port: an element of one of the maps.
struct PortElement: Hashable {
  /// On this address of the node; nil: on every one.
  var hostAddress: IPAddress?
  var transport: PublishedPort.Transport
  var hostPort: UInt16
  /// The pod's, of the same family.
  var podAddress: IPAddress
  var podPort: UInt16

  var map: PortMap {
    podAddress.isIPv6 ? (hostAddress == nil ? .any6 : .address6) : (hostAddress == nil ? .any4 : .address4)
  }

  /// As nft reads it.
  var text: String {
    let key = (hostAddress.map { "\($0) . " } ?? "") + "\(transport.rawValue) . \(hostPort)"
    return "\(key) : \(podAddress) . \(podPort)"
  }

  /// As the kernel stores it: each field fills up to a multiple of four bytes.
  var key: [UInt8] { (hostAddress?.bytes ?? []) + [transport.number, 0, 0, 0] + Self.port(hostPort) }
  var value: [UInt8] { podAddress.bytes + Self.port(podPort) }

  private static func port(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xFF), 0, 0] }
}
