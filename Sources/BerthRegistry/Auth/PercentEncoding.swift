/// Source: RFC 3986 2.3.
enum PercentEncoding {
  /// Everything but letters, digits and `-._~` as %XX.
  static func encode(_ text: String) -> String {
    var out = ""
    for byte in text.utf8 {
      let isPlain = (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || [45, 46, 95, 126].contains(byte)
      if isPlain {
        out.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        let digits = String(byte, radix: 16, uppercase: true)
        out += byte < 16 ? "%0\(digits)" : "%\(digits)"
      }
    }
    return out
  }
}
