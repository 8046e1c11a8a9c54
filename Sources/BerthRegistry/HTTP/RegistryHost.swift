import BerthCore

/// What a host's text alone tells. Nothing here asks a name server: whoever runs one must not decide what is trusted.
enum RegistryHost {
  /// A name of letters, digits and hyphens, a dotted IPv4 address, or an IPv6 address in brackets; with an optional port. Other ways
  /// of writing an address (`0x7f.1`, `2130706433`) are refused, so that no two readers can disagree about it.
  static func isValid(_ authority: String) -> Bool {
    guard authority.utf8.count <= 261, !authority.isEmpty else { return false }
    var host = Substring(authority)
    if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
      let port = authority[authority.index(after: colon)...]
      guard let number = UInt16(port), number > 0, port.utf8.allSatisfy({ (48...57).contains($0) }) else { return false }
      host = authority[..<colon]
    }
    if host.hasPrefix("["), host.hasSuffix("]") {
      return host.dropFirst().dropLast().utf8.allSatisfy { (48...58).contains($0) || (97...102).contains($0) || $0 == 46 }
    }
    let labels = host.split(separator: ".", omittingEmptySubsequences: false)
    let isName = labels.allSatisfy { label in
      (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
        && label.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
    }
    guard isName, let last = labels.last else { return false }
    let looksNumeric = last.utf8.allSatisfy { (48...57).contains($0) } || last.hasPrefix("0x")
    return !looksNumeric || address(String(host)) != nil
  }

  /// The four numbers of a dotted IPv4 address in its usual form.
  static func address(_ host: String) -> [UInt8]? {
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bytes: [UInt8] = []
    for part in parts {
      guard let number = UInt8(part), String(number) == part else { return nil }
      bytes.append(number)
    }
    return bytes
  }

  /// `localhost` or a literal loopback address.
  static func isLoopback(_ host: String) -> Bool {
    host == "localhost" || host == "[::1]" || address(host)?.first == 127
  }

  /// An address, or a name for one, that means something else on each network: loopback, link-local, private, and IPv6 as a whole,
  /// whose many ways to hold an IPv4 address aren't worth telling apart here.
  static func isInternal(_ host: String) -> Bool {
    if host == "localhost" || host.hasSuffix(".localhost") || host.hasPrefix("[") { return true }
    guard let bytes = address(host) else { return false }
    switch (bytes[0], bytes[1]) {
    case (0, _), (10, _), (127, _), (169, 254), (192, 168): return true
    case (172, 16...31), (100, 64...127): return true
    case (224..., _): return true
    default: return false
    }
  }
}
