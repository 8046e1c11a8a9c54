import BerthCore

/// What a registry asks for with status 401. Source: RFC 9110 11.6.1; distribution-spec token authentication.
public enum Challenge: Equatable, Sendable {
  case basic
  case bearer(realm: String, service: String?, scope: String?)

  /// The first challenge of a `WWW-Authenticate` header that is understood, Bearer before Basic.
  public static func parse(_ headers: [String]) -> Challenge? {
    var hasBasic = false
    for header in headers {
      guard header.utf8.count <= 8192 else { continue }
      let scheme = header.prefix { $0 != " " }.lowercased()
      if scheme == "basic" { hasBasic = true }
      guard scheme == "bearer" else { continue }
      let parameters = parameters(header.dropFirst(scheme.count))
      if let realm = parameters["realm"] { return .bearer(realm: realm, service: parameters["service"], scope: parameters["scope"]) }
    }
    return hasBasic ? .basic : nil
  }

  /// `name="value"` or `name=value`, between commas; the first of a name counts.
  private static func parameters(_ text: Substring) -> [String: String] {
    var rest = Array(text.utf8)[...]
    var found: [String: String] = [:]
    while !rest.isEmpty {
      rest = rest.drop { $0 == 32 || $0 == 9 || $0 == UInt8(ascii: ",") }
      let name = rest.prefix { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: ",") }
      rest = rest.dropFirst(name.count)
      guard rest.first == UInt8(ascii: "=") else { continue }
      rest = rest.dropFirst()
      var value: [UInt8] = []
      if rest.first == UInt8(ascii: "\"") {
        rest = rest.dropFirst()
        while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
          if byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() { value.append(escaped) } else { value.append(byte) }
        }
      } else {
        value = Array(rest.prefix { $0 != UInt8(ascii: ",") && $0 != 32 })
        rest = rest.dropFirst(value.count)
      }
      let key = String(decoding: name, as: UTF8.self).trimmed.lowercased()
      if found[key] == nil, found.count < 16 { found[key] = String(decoding: value, as: UTF8.self) }
    }
    return found
  }
}
