/// Whether a text is an IP address. Source: RFC 4291 section 2.2 for IPv6; IPv4 as four decimal numbers without leading zeros, which
/// some resolvers would read as octal.
public enum IPAddressText {
  public static func isValid(_ text: String) -> Bool { isIPv4(text) || isIPv6(text) }

  public static func isIPv4(_ text: some StringProtocol) -> Bool {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return parts.count == 4
      && parts.allSatisfy { part in
        guard (1...3).contains(part.count), part.allSatisfy({ (48...57).contains($0) }), part.count == 1 || part.first != 48 else {
          return false
        }
        return part.reduce(0) { $0 * 10 + Int($1 - 48) } <= 255
      }
  }

  /// Without brackets and zone.
  public static func isIPv6(_ text: some StringProtocol) -> Bool {
    guard (2...45).contains(text.utf8.count) else { return false }
    let halves = split(String(text))
    guard halves.count <= 2 else { return false }
    var groups = 0
    for (at, half) in halves.enumerated() where !half.isEmpty {
      guard let count = groupCount(half, mayEndInIPv4: at == halves.count - 1) else { return false }
      groups += count
    }
    return halves.count == 2 ? groups <= 7 : groups == 8
  }

  /// At every `::`.
  private static func split(_ text: String) -> [Substring] {
    var halves: [Substring] = []
    var start = text.startIndex
    var at = text.startIndex
    while at < text.endIndex {
      let next = text.index(after: at)
      if text[at] == ":", next < text.endIndex, text[next] == ":" {
        halves.append(text[start..<at])
        start = text.index(after: next)
        at = start
      } else {
        at = next
      }
    }
    return halves + [text[start...]]
  }

  /// The number of 16-bit groups in `a:b:c`; nil if one isn't one.
  private static func groupCount(_ text: Substring, mayEndInIPv4: Bool) -> Int? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    var count = 0
    for (at, part) in parts.enumerated() {
      if mayEndInIPv4, at == parts.count - 1, isIPv4(part) {
        count += 2
      } else {
        let isGroup =
          (1...4).contains(part.utf8.count)
          && part.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...70).contains(byte) || (97...102).contains(byte)
          }
        guard isGroup else { return nil }
        count += 1
      }
    }
    return count
  }
}
