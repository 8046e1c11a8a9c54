import BerthCore
import BerthImages
import BerthLinux

/// One registry's API: requests with redirects and authentication. Source: OCI distribution-spec 1.1. Used by several threads.
final class Registry: Sendable {
  /// As references name it.
  let name: String
  private let configuration: RegistryConfiguration
  private let state: Monitor<State>

  private struct State {
    /// nil until the first answer shows whether the registry speaks TLS.
    var origin: HTTPOrigin?
    /// `Authorization` by scope.
    var authorizations: [String: String] = [:]
  }

  static let redirectLimit = 5

  init(_ name: String, _ configuration: RegistryConfiguration) {
    self.name = name
    self.configuration = configuration
    state = Monitor(State())
  }

  /// Docker Hub's API is on another host than its name says.
  private var host: String { name == "docker.io" ? "registry-1.docker.io" : name }

  /// Whether a host, with its port, may be spoken to without TLS: by its exact configured name, or because its text says that it is this
  /// machine. What a name resolves to doesn't matter.
  func allowsPlain(_ host: String) -> Bool {
    configuration.insecure.contains(host) || RegistryHost.isLoopback(HTTPOrigin(registry: host, isSecure: false).host)
  }

  /// The answer to GET `path`, which begins with `/v2/`. Throws for any status but 200.
  func get(_ path: String, scope: String, accept: [String] = [], timeout: Int = 0) throws(BerthError) -> HTTPTransfer {
    let accepting = accept.isEmpty ? [] : ["Accept: \(accept.joined(separator: ", "))"]
    var answer = try send(path, scope, accepting, timeout)
    if answer.status == 401, let challenge = Challenge.parse(answer.headers["www-authenticate"] ?? []) {
      try authenticate(challenge, scope: scope)
      answer = try send(path, scope, accepting, timeout)
    }
    guard answer.status == 200 else { throw refusal(answer) }
    return answer
  }

  /// Follows redirects. The registry's authorization goes to the registry's own origin alone, TLS is never left on the way.
  private func send(_ path: String, _ scope: String, _ headers: [String], _ timeout: Int) throws(BerthError) -> HTTPTransfer {
    let origin = try findOrigin()
    var url = origin.text + path
    for _ in 0...Self.redirectLimit {
      guard let current = HTTPOrigin(url: url) else {
        throw BerthError(.unavailable, "request", Redaction.url(url), cause: "a redirect leads to no usable URL")
      }
      var request = HTTPTransfer.Request(url: url, headers: headers, allowsPlain: !current.isSecure, timeout: timeout)
      request.caFile =
        configuration.certificateAuthorities[current.name] ?? (current == origin ? configuration.certificateAuthorities[name] : nil)
      if current == origin, let authorization = state.with({ $0.authorizations[scope] }) {
        request.headers.append("Authorization: \(authorization)")
      }
      let answer = try HTTPTransfer.start(request)
      guard [301, 302, 303, 307, 308].contains(answer.status) else { return answer }
      guard let location = answer.headers["location"]?.first, let next = HTTPOrigin.resolve(location, from: url),
        let target = HTTPOrigin(url: next)
      else { throw BerthError(.unavailable, "request", Redaction.url(url), cause: "a redirect leads to no usable URL") }
      if !target.isSecure, current.isSecure || !allowsPlain(target.name) {
        throw BerthError(
          .permissionDenied, "request", Redaction.url(url), cause: "it redirects to \(Redaction.url(next)), which isn't https")
      }
      url = next
    }
    throw BerthError(.unavailable, "request", Redaction.url(url), cause: "more than \(Self.redirectLimit) redirects")
  }

  /// Where plain HTTP is allowed at all, TLS is tried first, and given up only for an answer that isn't TLS.
  private func findOrigin() throws(BerthError) -> HTTPOrigin {
    if let known = state.with({ $0.origin }) { return known }
    let secure = HTTPOrigin(registry: host, isSecure: true)
    var origin = secure
    if allowsPlain(host), configuration.certificateAuthorities[name] == nil {
      do throws(BerthError) {
        _ = try HTTPTransfer.start(HTTPTransfer.Request(url: "\(secure.text)/v2/", timeout: 15_000))
      } catch {
        if HTTPTransfer.isNoTLS(error) || !secure.hasExplicitPort(in: host) { origin = HTTPOrigin(registry: host, isSecure: false) }
      }
    }
    state.with { $0.origin = origin }
    return origin
  }

  private func authenticate(_ challenge: Challenge, scope: String) throws(BerthError) {
    let credential = configuration.credentials[name]
    switch challenge {
    case .basic:
      guard let credential else {
        throw BerthError(
          .permissionDenied, "authenticate", name, cause: "the registry wants a user name and password, and none is configured for it")
      }
      state.with { $0.authorizations[scope] = Self.basic(credential) }
    case .bearer(let realm, let service, let wanted):
      let token = try token(realm, service: service, scope: wanted ?? scope, credential)
      state.with { $0.authorizations[scope] = "Bearer \(token)" }
    }
  }

  private static func basic(_ credential: RegistryConfiguration.Credential) -> String {
    "Basic " + Base64.encode("\(credential.username):\(credential.password)".utf8)
  }

  /// Source: distribution "Token Authentication Specification".
  private func token(
    _ realm: String, service: String?, scope: String, _ credential: RegistryConfiguration.Credential?
  ) throws(BerthError) -> String {
    let origin = try findOrigin()
    if let refusal = TokenRealm.refusal(realm, for: origin, plainAllowed: allowsPlain) {
      throw BerthError(
        .permissionDenied, "authenticate", name, cause: "the token service \(Redaction.text(Redaction.url(realm))) is not asked: \(refusal)"
      )
    }
    var url = realm + (realm.contains("?") ? "&" : "?") + "scope=\(Base64.percentEncode(scope))"
    if let service { url += "&service=\(Base64.percentEncode(service))" }
    let realmOrigin = HTTPOrigin(url: realm)
    var request = HTTPTransfer.Request(url: url, allowsPlain: realmOrigin?.isSecure == false, timeout: 30_000)
    request.caFile = realmOrigin.flatMap { configuration.certificateAuthorities[$0.name] }
    if let credential, TokenRealm.takesCredential(realm, of: origin) { request.headers.append("Authorization: \(Self.basic(credential))") }
    let answer = try HTTPTransfer.start(request)
    guard answer.status == 200 else { throw refusal(answer) }
    let bytes = try answer.readAll(limit: 64 << 10)
    guard let json = try? JSON(parsing: bytes), let token = json["token"]?.string ?? json["access_token"]?.string, !token.isEmpty,
      token.utf8.allSatisfy({ (33...126).contains($0) })
    else {
      throw BerthError(.permissionDenied, "authenticate", name, cause: "the token service \(Redaction.url(realm)) gave no usable token")
    }
    return token
  }

  /// A status other than 200 in words: the registry's own, if it gave some.
  private func refusal(_ answer: HTTPTransfer) -> BerthError {
    let bytes = (try? answer.readAll(limit: 64 << 10)) ?? []
    let first = (try? JSON(parsing: bytes))?["errors"]?.array?.first
    let words = [first?["code"]?.string, first?["message"]?.string].compactMap { $0 }.joined(separator: ": ")
    let code: ErrorCode =
      switch answer.status {
      case 401, 403: .permissionDenied
      case 404: .notFound
      case 408, 504: .deadlineExceeded
      case 429: .resourceExhausted
      default: .unavailable
      }
    return BerthError(
      code, "request", name, cause: "the registry answered \(answer.status)\(words.isEmpty ? "" : " (\(Redaction.text(words)))")")
  }
}

extension HTTPOrigin {
  /// Whether `name` itself says a port, so that TLS and plain HTTP would share it.
  fileprivate func hasExplicitPort(in name: String) -> Bool { name.hasSuffix(":\(port)") }
}
