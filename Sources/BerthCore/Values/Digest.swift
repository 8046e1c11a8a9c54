/// A content digest, `sha256:` followed by 64 lower-case hexadecimal digits. It can only be built from text of exactly that form,
/// so a digest is always safe as a path component. Source: OCI image-spec descriptor.md "Digests".
public struct Digest: Hashable, Sendable, CustomStringConvertible, Comparable {
  /// The 64 hexadecimal digits.
  public let hex: String

  /// nil unless `text` is `sha256:` and 64 lower-case hexadecimal digits.
  public init?(_ text: some StringProtocol) {
    guard text.hasPrefix("sha256:") else { return nil }
    self.init(hex: text.dropFirst(7))
  }

  /// nil unless `hex` is 64 lower-case hexadecimal digits.
  public init?(hex: some StringProtocol) {
    let digits = hex.utf8
    guard digits.count == 64, digits.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else { return nil }
    self.hex = String(hex)
  }

  /// From a computed SHA-256: the 32 bytes of `hash`. nil for any other count.
  public init?(sha256 hash: some Collection<UInt8>) {
    guard hash.count == 32 else { return nil }
    func digit(_ value: UInt8) -> UInt8 { value < 10 ? value + 48 : value + 87 }
    hex = String(unsafeUninitializedCapacity: 64) { text in
      for (at, byte) in hash.enumerated() { (text[at * 2], text[at * 2 + 1]) = (digit(byte >> 4), digit(byte & 15)) }
      return 64
    }
  }

  public var description: String { "sha256:\(hex)" }
  /// The first 12 digits, for people.
  public var short: String { String(hex.prefix(12)) }

  public static func < (a: Digest, b: Digest) -> Bool { a.hex < b.hex }
}
