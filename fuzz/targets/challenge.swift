import BerthRegistry

/// libFuzzer's entry: a `WWW-Authenticate` header a line. What must hold: no trap, and no token service inside the node's network or
/// without TLS for a registry of the outside.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzChallenge(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let text = String(decoding: UnsafeBufferPointer(start: data, count: size), as: UTF8.self)
  let headers = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  guard case .bearer(let realm, _, _)? = Challenge.parse(headers) else { return 0 }
  let registry = HTTPOrigin(registry: "registry.example.com", isSecure: true)
  if TokenRealm.refusal(realm, for: registry, plainAllowed: { _ in false }) == nil {
    guard let origin = HTTPOrigin(url: realm) else { preconditionFailure("no URL") }
    precondition(origin.isSecure, "a password without TLS")
    let isNumeric = origin.host.utf8.allSatisfy { (48...57).contains($0) || $0 == UInt8(ascii: ".") }
    let isInside = ["127.", "169.254.", "10.", "192.168."].contains { origin.host.hasPrefix($0) }
    precondition(!isNumeric || !isInside, "into the node's network")
    precondition(origin.host != "localhost" && origin.host != "[::1]", "the node itself")
  }
  return 0
}
