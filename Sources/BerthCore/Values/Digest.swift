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
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(64)
    for byte in hash {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    self.hex = String(decoding: text, as: UTF8.self)
  }

  public var description: String { "sha256:\(hex)" }
  /// The first 12 digits, for people.
  public var short: String { String(hex.prefix(12)) }

  public static func < (a: Digest, b: Digest) -> Bool { a.hex < b.hex }
}
