import BerthCore
import BerthLinux
import BerthManifest

/// A port of the node that leads to a pod.
public struct PublishedPort: Sendable, Hashable, CustomStringConvertible {
  public typealias Transport = PortSpec.TransportProtocol

  public var host: UInt16
  /// nil: every address of the node; `0.0.0.0` and `::`: every one of that family.
  public var hostAddress: IPAddress?
  public var container: UInt16
  public var transport: Transport

  /// nil for a port that is declared only.
  public init?(_ spec: PortSpec) {
    guard let host = spec.host else { return nil }
    self.host = host
    hostAddress = spec.hostIP.flatMap { IPAddress($0) }
    container = spec.container
    transport = spec.transport
  }

  /// `8080/tcp`, `127.0.0.1:53/udp`.
  public var description: String {
    let address = hostAddress.map { $0.isIPv6 ? "[\($0)]:" : "\($0):" } ?? ""
    return "\(address)\(host)/\(transport.rawValue)"
  }

  /// The elements that lead it to `addresses`, one of a family.
  func elements(to addresses: [IPAddress]) -> [PortElement] {
    addresses.compactMap { address in
      if let hostAddress, hostAddress.isIPv6 != address.isIPv6 { return nil }
      let exact = hostAddress.flatMap { $0.isUnspecified ? nil : $0 }
      return PortElement(hostAddress: exact, transport: transport, hostPort: host, podAddress: address, podPort: container)
    }
  }

  // MARK: as JSON

  /// As CNI's portmap takes it; also how it is kept on disk.
  var portMapping: JSON {
    var mapping: JSONObject = [
      "hostPort": .integer(Int(host)), "containerPort": .integer(Int(container)), "protocol": .string(transport.rawValue),
    ]
    mapping["hostIP"] = hostAddress.map { .string("\($0)") }
    return .object(mapping)
  }

  init?(portMapping json: JSON) {
    guard let host = json["hostPort"]?.integer.flatMap({ UInt16(exactly: $0) }),
      let container = json["containerPort"]?.integer.flatMap({ UInt16(exactly: $0) }),
      let transport = json["protocol"]?.string.flatMap({ Transport(rawValue: $0) })
    else { return nil }
    self.host = host
    self.container = container
    self.transport = transport
    hostAddress = json["hostIP"]?.string.flatMap { IPAddress($0) }
  }
}

extension PortSpec.TransportProtocol {
  /// Source: IANA's protocol numbers.
  var number: UInt8 { UInt8(lock.rawValue) }

  var lock: PortLock.Transport {
    switch self {
    case .tcp: .tcp
    case .udp: .udp
    case .sctp: .sctp
    }
  }
}
