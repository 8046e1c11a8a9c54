import BerthCore
import BerthImages
import BerthLinux

/// The API of one place that has a registry's images: requests with redirects, authentication and another try where one may help.
/// Source: OCI distribution-spec 1.1. Used by several threads. It has one credential, so that its tokens are that credential's alone.
final class Registry: Sendable {
  let endpoint: RegistryEndpoint
  /// As references name it.
  let name: String
  let access: RegistryAccess
  private let state: Monitor<State>

  private struct State {
    /// nil until the first answer shows whether the place speaks TLS.
    var origin: HTTPOrigin?
    /// `Authorization` by scope.
    var authorizations: [String: String] = [:]
    /// The token service that wasn't given the credential.
    var withheld: String?
  }

  static let redirectLimit = 5

  init(_ name: String, _ endpoint: RegistryEndpoint, _ access: RegistryAccess) {
    self.name = name
    self.endpoint = endpoint
    self.access = access
    state = Monitor(State())
  }

  /// For people: `https://mirror.example/v2`.
  var text: String {
    let origin = state.with { $0.origin } ?? HTTPOrigin(registry: endpoint.host, isSecure: endpoint.scheme != .http)
    return origin.text + endpoint.path
  }

  /// What its credential is kept under.
  var loginName: String { endpoint.isMirror ? endpoint.host : name }

  /// Whether a host, with its port, may be spoken to without TLS: by its exact configured name, or because its text says that it is this
  /// machine. What a name resolves to doesn't matter.
  func allowsPlain(_ host: String) -> Bool {
    access.insecure.contains(host) || (endpoint.scheme == .http && host == endpoint.host)
      || RegistryHost.isLoopback(HTTPOrigin(registry: host, isSecure: false).host)
  }

  func authorization(_ scope: String) -> String? { state.with { $0.authorizations[scope] } }
  func noteWithheld(from service: String) { state.with { $0.withheld = service } }
  func setAuthorization(_ value: String, _ scope: String) { state.with { $0.authorizations[scope] = value } }

  /// The answer. Throws for any status that isn't accepted. Broken connections, 429 and what a server says of its own trouble are tried
  /// again a few times, after a pause with full jitter or the one that `Retry-After` asks for.
  func perform(_ call: RegistryCall) throws(BerthError) -> HTTPTransfer {
    var tries: Int64 = 0
    while true {
      let mayRetry = tries < access.timeouts.retries && call.isRepeatable
      do throws(TransferFailure) {
        let answer = try authenticated(call)
        if call.accepted.contains(answer.status) { return answer }
        let pause = RetryPause.after(answer, tries: tries, first: access.timeouts.pause)
        guard mayRetry, let pause else { throw TransferFailure(.refused, refusal(answer, scope: call.scope)) }
        Clock.pause(pause)
      } catch {
        guard mayRetry, error.kind == .broken else { throw error.error }
        Clock.pause(RetryPause.jittered(tries: tries, first: access.timeouts.pause))
      }
      tries += 1
    }
  }

  private func authenticated(_ call: RegistryCall) throws(TransferFailure) -> HTTPTransfer {
    let answer = try send(call)
    guard answer.status == 401, let challenge = Challenge.parse(answer.headers["www-authenticate"] ?? []) else { return answer }
    try authenticate(challenge, scope: call.scope)
    return try send(call)
  }

  /// Follows redirects. The registry's authorization goes to the registry's own origin alone, TLS is never left on the way.
  private func send(_ call: RegistryCall) throws(TransferFailure) -> HTTPTransfer {
    let origin = try findOrigin()
    var url = call.path.hasPrefix("/") ? origin.text + endpoint.path + call.path : call.path
    if endpoint.isMirror { url += (url.contains("?") ? "&" : "?") + "ns=\(PercentEncoding.encode(name))" }
    for _ in 0...Self.redirectLimit {
      guard let current = HTTPOrigin(url: url) else { throw unusable(url, "a redirect leads to no usable URL") }
      let answer = try HTTPTransfer.start(try request(call, url, isOwn: current == origin, current))
      guard [301, 302, 303, 307, 308].contains(answer.status) else { return answer }
      guard call.body == nil else { throw unusable(url, "it redirects an upload, which nobody should follow") }
      guard let location = answer.headers["location"]?.first, let next = HTTPOrigin.resolve(location, from: url),
        let target = HTTPOrigin(url: next)
      else { throw unusable(url, "a redirect leads to no usable URL") }
      if !target.isSecure, current.isSecure || !allowsPlain(target.name) {
        throw unusable(url, "it redirects to \(Redaction.url(next)), which isn't https", .permissionDenied)
      }
      url = next
    }
    throw unusable(url, "more than \(Self.redirectLimit) redirects")
  }

  private func unusable(_ url: String, _ cause: String, _ code: ErrorCode = .unavailable) -> TransferFailure {
    TransferFailure(.refused, BerthError(code, "request", Redaction.url(url), cause: cause))
  }

  private func request(_ call: RegistryCall, _ url: String, isOwn: Bool, _ current: HTTPOrigin) throws(TransferFailure) -> HTTPRequest {
    var request = plainRequest(url, current, method: call.method)
    request.headers = call.headers
    request.timeout = call.timeout
    if let body = call.body {
      do throws(BerthError) { request.body = try body() } catch { throw TransferFailure(.refused, error) }
    }
    guard isOwn else { return request }
    request.headers += endpoint.headers.map { "\($0.name): \($0.value)" }
    if let authorization = authorization(call.scope) { request.headers.append("Authorization: \(authorization)") }
    return request
  }

  /// A request without anything that is the registry's alone but its authorities; its client certificate and its leave to do without
  /// verification stay with its own host.
  func plainRequest(_ url: String, _ origin: HTTPOrigin, method: String = "GET") -> HTTPRequest {
    var request = HTTPRequest(method, url: url)
    request.allowsPlain = !origin.isSecure
    request.timeouts = access.timeouts
    request.authorities = endpoint.authorities
    let isOwnHost = origin.host == HTTPOrigin(registry: endpoint.host, isSecure: true).host
    request.skipsVerification = endpoint.skipsVerification && isOwnHost
    if origin.name == endpoint.host || origin == state.with({ $0.origin }) { request.client = endpoint.client }
    if !RegistryHost.isLoopback(origin.host) {
      request.proxy = origin.isSecure ? access.proxy.https : access.proxy.http
      request.proxyExceptions = access.proxy.exceptions
    }
    return request
  }

  /// Where plain HTTP is allowed at all, TLS is tried first, and given up only for an answer that isn't TLS.
  func findOrigin() throws(TransferFailure) -> HTTPOrigin {
    if let known = state.with({ $0.origin }) { return known }
    let secure = HTTPOrigin(registry: endpoint.host, isSecure: true)
    var origin = secure
    if endpoint.scheme == .http {
      origin = HTTPOrigin(registry: endpoint.host, isSecure: false)
    } else if endpoint.scheme == .detect, allowsPlain(endpoint.host) {
      var probe = plainRequest("\(secure.text)\(endpoint.path)/", secure)
      probe.timeout = 15_000
      // Whose certificate it is doesn't matter yet: each request asks that anew. Reading the system's authorities takes as long as all
      // the rest of looking whether an image has changed.
      probe.skipsVerification = true
      probe.client = nil
      do throws(TransferFailure) { _ = try HTTPTransfer.start(probe) } catch {
        if error.kind == .noTLS || !endpoint.host.hasSuffix(":\(secure.port)") {
          origin = HTTPOrigin(registry: endpoint.host, isSecure: false)
        }
      }
    }
    state.with { $0.origin = origin }
    return origin
  }

  /// A status that is no answer, in words: the registry's own, if it gave some. `scope`: what was asked for; empty for a login.
  func refusal(_ answer: HTTPTransfer, scope: String) -> BerthError {
    let bytes = (try? answer.readAll(limit: 64 << 10)) ?? []
    let first = (try? JSON(parsing: bytes))?["errors"]?.array?.first
    let words = [first?["code"]?.string, first?["message"]?.string].compactMap { $0 }.joined(separator: ": ")
    let code: ErrorCode =
      switch answer.status {
      case 401, 403: .permissionDenied
      case 404: .notFound
      case 400: .invalidArgument
      case 405, 406, 415: .unsupported
      case 408, 504: .deadlineExceeded
      case 429: .resourceExhausted
      default: .unavailable
      }
    var hint = ""
    if answer.status == 401, let service = state.with({ $0.withheld }) {
      hint = "; its token service \(service) belongs to another domain, and isn't given the user name and password for \(loginName)"
    } else if answer.status == 401, !scope.isEmpty {
      hint =
        endpoint.credential == nil
        ? "; berth login \(loginName) keeps a user name and password"
        : "; it was given the user name and password that are configured for it: berth login \(loginName) keeps others"
    }
    let after = answer.headers["retry-after"]?.first.map { "; it asks to be tried again after \(Redaction.text($0)) s" } ?? ""
    return BerthError(
      code, "request", name,
      cause: "the registry answered \(answer.status)\(words.isEmpty ? "" : " (\(Redaction.text(words)))")\(after)\(hint)")
  }
}
