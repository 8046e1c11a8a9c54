import BerthCore

/// Scheme, host and port of a URL: what credentials are bound to.
public struct HTTPOrigin: Hashable, Sendable {
  public var isSecure: Bool
  /// Lower case, without a port; IPv6 in brackets.
  public var host: String
  public var port: Int

  /// `host` or `host:port`, the port left out where it is the scheme's own.
  var name: String { port == (isSecure ? 443 : 80) ? host : "\(host):\(port)" }
  var text: String { "\(isSecure ? "https" : "http")://\(name)" }

  /// A registry's, by its name in references.
  public init(registry: String, isSecure: Bool) {
    let (host, port) = Self.split(registry)
    self.isSecure = isSecure
    self.host = host
    self.port = port ?? (isSecure ? 443 : 80)
  }

  /// Of an absolute http or https URL; nil for any other, for one with user information, and for hosts that are neither names nor
  /// addresses in their usual form.
  public init?(url: String) {
    let isSecure = url.lowercased().hasPrefix("https://")
    guard isSecure || url.lowercased().hasPrefix("http://") else { return nil }
    guard url.utf8.count <= 8192, url.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "\\") }) else { return nil }
    let authority = url.dropFirst(isSecure ? 8 : 7).prefix { !"/?#".contains($0) }.lowercased()
    guard !authority.contains("@"), RegistryHost.isValid(authority) else { return nil }
    self.init(registry: authority, isSecure: isSecure)
  }

  private static func split(_ authority: String) -> (String, Int?) {
    guard let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") else { return (authority, nil) }
    return (String(authority[..<colon]), Int(authority[authority.index(after: colon)...]))
  }

  /// `location` of a redirect, read from `url`; nil if it is no http URL.
  static func resolve(_ location: String, from url: String) -> String? {
    if location.lowercased().hasPrefix("http://") || location.lowercased().hasPrefix("https://") { return location }
    guard let origin = HTTPOrigin(url: url) else { return nil }
    if location.hasPrefix("//") { return (origin.isSecure ? "https:" : "http:") + location }
    if location.hasPrefix("/") { return origin.text + location }
    return nil
  }
}
