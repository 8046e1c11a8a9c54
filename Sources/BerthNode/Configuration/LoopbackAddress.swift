import BerthCore

/// A TCP port that only this node reaches: `127.0.0.1:9464`, `[::1]:9464`.
public struct LoopbackAddress: Sendable, Hashable {
  /// Without brackets.
  public var host: String
  public var port: UInt16

  /// nil for anything else, addresses that others reach among them.
  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else { return nil }
    var host = text[..<colon]
    let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
    if isBracketed { host = host.dropFirst().dropLast() }
    guard let address = IPAddress(String(host)), address.isLoopback, address.isIPv6 == isBracketed else { return nil }
    self.host = String(host)
    self.port = port
  }
}
