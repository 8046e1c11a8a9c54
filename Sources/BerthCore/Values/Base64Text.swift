/// Base 64 with its standard alphabet. Source: RFC 4648 4.
public enum Base64Text {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  public static func encode(_ bytes: some Collection<UInt8>) -> String {
    var text: [UInt8] = []
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      let group = Array(rest.prefix(3))
      rest = rest.dropFirst(3)
      let padded = group + [UInt8](repeating: 0, count: 3 - group.count)
      let word = UInt32(padded[0]) << 16 | UInt32(padded[1]) << 8 | UInt32(padded[2])
      for at in 0..<4 { text.append(at <= group.count ? alphabet[Int(word >> (18 - 6 * UInt32(at))) & 63] : UInt8(ascii: "=")) }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// nil for anything else than the alphabet with its padding; line ends and spaces are passed over.
  public static func decode(_ text: some StringProtocol) -> [UInt8]? {
    var bytes: [UInt8] = []
    var word: UInt32 = 0
    var count = 0
    var padding = 0
    for byte in text.utf8 where ![9, 10, 13, 32].contains(byte) {
      let digit: UInt32
      switch byte {
      case 65...90: digit = UInt32(byte) - 65
      case 97...122: digit = UInt32(byte) - 71
      case 48...57: digit = UInt32(byte) + 4
      case UInt8(ascii: "+"): digit = 62
      case UInt8(ascii: "/"): digit = 63
      case UInt8(ascii: "="):
        padding += 1
        digit = 0
      default: return nil
      }
      guard padding == 0 || (byte == UInt8(ascii: "=") && padding <= 2 && count >= 2) else { return nil }
      word = word << 6 | digit
      count += 1
      guard count == 4 else { continue }
      for at in 0..<(3 - padding) { bytes.append(UInt8(truncatingIfNeeded: word >> (16 - 8 * UInt32(at)))) }
      (word, count) = (0, 0)
      if padding > 0 { padding = 3 }
    }
    return count == 0 ? bytes : nil
  }
}
