/// An IPv4 or IPv6 address: 4 or 16 bytes, the highest first.
public struct IPAddress: Sendable, Hashable, Comparable {
  public let bytes: [UInt8]

  /// nil unless there are 4 or 16.
  public init?(bytes: [UInt8]) {
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    self.bytes = bytes
  }

  /// As `IPAddressText` has it: no zone, no brackets, no leading zeros.
  public init?(_ text: String) {
    if IPAddressText.isIPv4(text) {
      self.init(bytes: text.split(separator: ".").compactMap { UInt8($0) })
    } else if IPAddressText.isIPv6(text) {
      self.init(bytes: Self.ipv6(text))
    } else {
      return nil
    }
  }

  public var isIPv6: Bool { bytes.count == 16 }
  public var isLoopback: Bool { isIPv6 ? bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1 : bytes.first == 127 }
  /// `0.0.0.0` and `::`.
  public var isUnspecified: Bool { bytes.allSatisfy { $0 == 0 } }

  /// IPv4 before IPv6, then by number.
  public static func < (a: IPAddress, b: IPAddress) -> Bool {
    a.bytes.count != b.bytes.count ? a.bytes.count < b.bytes.count : a.bytes.lexicographicallyPrecedes(b.bytes)
  }

  /// The address `offset` further; wraps around at the end of all addresses.
  public func advanced(by offset: UInt32) -> IPAddress {
    var bytes = bytes
    var carry = UInt64(offset)
    for at in bytes.indices.reversed() where carry > 0 {
      let sum = UInt64(bytes[at]) + carry & 0xFF
      bytes[at] = UInt8(truncatingIfNeeded: sum)
      carry = carry >> 8 + sum >> 8
    }
    return IPAddress(bytes: bytes) ?? self
  }

  /// The text is valid.
  private static func ipv6(_ text: String) -> [UInt8] {
    var head: [UInt8] = []
    var tail: [UInt8]?
    // `::` gives one empty part in the middle, or two at an end.
    var parts = text.split(separator: ":", omittingEmptySubsequences: false)
    if parts.first?.isEmpty == true { parts.removeFirst() }
    if parts.last?.isEmpty == true { parts.removeLast() }
    for part in parts {
      var group: [UInt8]
      if part.isEmpty {
        tail = []
        continue
      } else if part.contains(".") {
        group = part.split(separator: ".").compactMap { UInt8($0) }
      } else {
        let number = UInt16(part, radix: 16) ?? 0
        group = [UInt8(number >> 8), UInt8(number & 0xFF)]
      }
      if tail == nil { head += group } else { tail? += group }
    }
    let end = tail ?? []
    return head + [UInt8](repeating: 0, count: max(0, 16 - head.count - end.count)) + end
  }
}

extension IPAddress: CustomStringConvertible {
  /// Source: RFC 5952 for IPv6.
  public var description: String {
    guard isIPv6 else { return bytes.map { "\($0)" }.joined(separator: ".") }
    let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
    let zeros = Self.longestZeros(groups)
    func text(_ part: ArraySlice<UInt16>) -> String { part.map { String($0, radix: 16) }.joined(separator: ":") }
    guard zeros.count > 1 else { return text(groups[...]) }
    return text(groups[..<zeros.lowerBound]) + "::" + text(groups[zeros.upperBound...])
  }

  private static func longestZeros(_ groups: [UInt16]) -> Range<Int> {
    var best = 0..<0
    var start = 0
    for at in 0...groups.count where at == groups.count || groups[at] != 0 {
      if at - start > best.count { best = start..<at }
      start = at + 1
    }
    return best
  }
}

/// An address with the length of its network's prefix, as an interface has it, or a network.
public struct IPPrefix: Sendable, Hashable, CustomStringConvertible {
  public var address: IPAddress
  public var length: Int

  /// nil for a length that the family doesn't have.
  public init?(_ address: IPAddress, length: Int) {
    guard (0...address.bytes.count * 8).contains(length) else { return nil }
    self.address = address
    self.length = length
  }

  /// `10.0.0.0/8`.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[1].utf8.allSatisfy({ (48...57).contains($0) }), let length = Int(parts[1]),
      let address = IPAddress(String(parts[0]))
    else { return nil }
    self.init(address, length: length)
  }

  public var description: String { "\(address)/\(length)" }
  public var isIPv6: Bool { address.isIPv6 }

  /// The network's own address: no bit set behind the prefix.
  public var network: IPAddress {
    let bytes = address.bytes.enumerated().map { at, byte -> UInt8 in
      let kept = max(0, min(8, length - at * 8))
      return kept == 0 ? 0 : byte & UInt8(truncatingIfNeeded: 0xFF00 >> kept)
    }
    return IPAddress(bytes: bytes) ?? address
  }

  public func contains(_ other: IPAddress) -> Bool {
    guard other.isIPv6 == isIPv6, let prefix = IPPrefix(other, length: length) else { return false }
    return prefix.network == network
  }

  public func overlaps(_ other: IPPrefix) -> Bool { length <= other.length ? contains(other.address) : other.contains(address) }

  /// How many addresses there are, at most 2^32-1.
  public var count: UInt32 {
    let bits = address.bytes.count * 8 - length
    return bits >= 32 ? .max : 1 << UInt32(bits)
  }
}
