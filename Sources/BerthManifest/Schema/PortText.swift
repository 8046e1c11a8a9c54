import BerthCore

/// `"[[host_ip:]host:]container[/protocol]"`, each port a number or a range of the same length.
enum PortText {
  enum Outcome {
    case ports([PortSpec])
    case malformed(String)
    var problem: String? { if case .malformed(let text) = self { text } else { nil } }
    var ports: [PortSpec] { if case .ports(let ports) = self { ports } else { [] } }
  }
  /// Of one range; each port becomes a forwarding of its own.
  static let longestRange = 1024
  private static let shape =
    "must be \"container\", \"host:container\" or \"address:host:container\", then \"/udp\" or \"/sctp\" if it isn't tcp"

  static func parse(_ text: String) -> Outcome {
    let halves = text.split(separator: "/", omittingEmptySubsequences: false)
    guard (1...2).contains(halves.count) else { return .malformed(shape) }
    guard let transport = halves.count == 2 ? PortSpec.TransportProtocol(rawValue: String(halves[1])) : .tcp else {
      return .malformed("must end in \"/tcp\", \"/udp\" or \"/sctp\", if it has a '/'")
    }
    let (address, rest) = splitAddress(halves[0])
    if let address, !IPAddressText.isValid(address) { return .malformed("must begin with an IP address (IPv6 in brackets)") }
    let parts = rest.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2 || (parts.count == 1 && address == nil) else { return .malformed(shape) }
    return expand(address: address, host: parts.count == 2 ? parts[0] : nil, container: parts[parts.count - 1], transport)
  }

  /// The address in front, if there is one: in brackets, or before the last two colons.
  private static func splitAddress(_ text: Substring) -> (address: String?, rest: Substring) {
    if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
      let rest = text[text.index(after: end)...]
      return (String(text[text.index(after: text.startIndex)..<end]), rest.hasPrefix(":") ? rest.dropFirst() : "")
    }
    guard let last = text.lastIndex(of: ":"), let colon = text[..<last].lastIndex(of: ":") else { return (nil, text) }
    return (String(text[..<colon]), text[text.index(after: colon)...])
  }

  private static func expand(
    address: String?, host: Substring?, container: Substring, _ transport: PortSpec.TransportProtocol
  ) -> Outcome {
    guard let containers = range(container) else { return .malformed(shape + ", ports from 1 to 65535") }
    var hosts: ClosedRange<UInt16>?
    if let host {
      guard let parsed = range(host) else { return .malformed(shape + ", ports from 1 to 65535") }
      guard parsed.count == containers.count else { return .malformed("must have two ranges of the same length") }
      hosts = parsed
    }
    guard containers.count <= longestRange else { return .malformed("must be at most \(longestRange) ports") }
    return .ports(
      containers.enumerated().map { offset, number in
        var port = PortSpec(container: number)
        port.host = hosts.map { $0.lowerBound + UInt16(offset) }
        port.hostIP = address
        port.transport = transport
        return port
      })
  }

  private static func range(_ text: Substring) -> ClosedRange<UInt16>? {
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { end -> UInt16? in
      guard let number = end.isEmpty ? nil : TextFormat.decimal(end), (1...65535).contains(number) else { return nil }
      return UInt16(number)
    }
    guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first <= last else { return nil }
    return first...last
  }
}
