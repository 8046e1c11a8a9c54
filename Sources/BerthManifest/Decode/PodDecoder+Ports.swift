import BerthCore

/// A port of the node that a pod takes.
struct PortClaim: Sendable {
  var port: UInt16
  var transport: PortSpec.TransportProtocol
  /// nil: on every address.
  var address: String?
  var range: SourceRange

  func clashes(with other: PortClaim) -> Bool {
    guard port == other.port, transport == other.transport else { return false }
    return isEveryAddress || other.isEveryAddress || address == other.address
  }

  private var isEveryAddress: Bool { address == nil || address == "0.0.0.0" || address == "::" }

  /// `8080/tcp`.
  var text: String { "\(port)/\(transport.rawValue)" }
}

extension PodDecoder {
  /// Of one pod: far more than a node could serve, and few enough to compare.
  static var mostPorts: Int { 4096 }

  mutating func ports(_ table: TOMLTable, _ network: PodNetwork) -> [PortSpec] {
    var ports: [PortSpec] = []
    var seen: Set<PortSpec> = []
    for item in table["ports"]?.array ?? [] {
      for port in portSpecs(item) {
        portCount += 1
        var identity = port
        identity.name = nil
        if !seen.insert(identity).inserted {
          sink.error("port \(port.container)/\(port.transport.rawValue) is declared twice", at: item.range)
          break
        }
        claim(port, network, at: item.range)
        ports.append(port)
      }
      guard portCount <= Self.mostPorts else {
        sink.error("a pod can have at most \(Self.mostPorts) ports", at: item.range)
        return ports
      }
    }
    return ports
  }

  private mutating func portSpecs(_ value: TOMLValue) -> [PortSpec] {
    if let text = value.string { return PortText.parse(text).ports }
    guard let table = value.table else { return [] }
    guard let container = table["container"]?.integer.flatMap({ UInt16(exactly: $0) }) else {
      if table["container"] == nil { sink.error("a port needs 'container', its number there", at: value.range) }
      return []
    }
    var port = PortSpec(container: container)
    port.host = table["host"]?.integer.flatMap { UInt16(exactly: $0) }
    port.hostIP = table["host_ip"]?.string
    port.transport = table["protocol"]?.string.flatMap { PortSpec.TransportProtocol(rawValue: $0) } ?? .tcp
    port.name = table["name"]?.string
    if let address = table.entry("host_ip"), port.host == nil { sink.error("'host_ip' needs 'host'", at: address.keyRange) }
    return [port]
  }

  /// In the node's network a declared port is the node's own; on a network of the pod's it is what it is published as.
  private mutating func claim(_ port: PortSpec, _ network: PodNetwork, at range: SourceRange) {
    switch network {
    case .none:
      if port.host != nil { sink.warning("nothing is published with network = \"none\"", at: range) }
    case .host:
      if let host = port.host, host != port.container {
        sink.warning(
          "nothing is published with network = \"host\": port \(port.container) is the node's own, \(host) isn't used", at: range)
      }
      take(port.container, port, at: range)
    case .standard, .attached:
      if let host = port.host { take(host, port, at: range) }
    }
  }

  private mutating func take(_ number: UInt16, _ port: PortSpec, at range: SourceRange) {
    let claim = PortClaim(port: number, transport: port.transport, address: port.hostIP, range: range)
    if let earlier = claims.first(where: { $0.clashes(with: claim) }), earlier.range != range {
      sink.error("port \(claim.text) of the node is taken twice in this pod", at: range)
    }
    claims.append(claim)
  }
}
