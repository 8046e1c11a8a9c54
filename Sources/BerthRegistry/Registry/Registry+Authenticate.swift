import BerthCore
import BerthImages

/// Source: distribution "Token Authentication Specification", "OAuth2 Token Authentication".
extension Registry {
  func authenticate(_ challenge: Challenge, scope: String) throws(TransferFailure) {
    switch challenge {
    case .basic:
      guard let credential = endpoint.credential, credential.identityToken == nil else {
        throw denied("the registry wants a user name and password, and none is configured for it: berth login \(loginName) keeps one")
      }
      setAuthorization(Self.basic(credential), scope)
    case .bearer(let realm, let service, let wanted):
      // What the call is for counts as well: a registry may ask for less than a mount needs.
      var scopes: [String] = []
      for part in ((wanted ?? "") + " " + scope).split(separator: " ") where !scopes.contains(String(part)) { scopes.append(String(part)) }
      setAuthorization("Bearer \(try token(realm, service: service, scopes: scopes))", scope)
    }
  }

  private func denied(_ cause: String) -> TransferFailure {
    TransferFailure(.refused, BerthError(.permissionDenied, "authenticate", endpoint.host, cause: cause))
  }

  private static func basic(_ credential: RegistryCredential) -> String {
    "Basic " + Base64Text.encode("\(credential.username):\(credential.password)".utf8)
  }

  private func token(_ realm: String, service: String?, scopes: [String]) throws(TransferFailure) -> String {
    let origin = try findOrigin()
    if let refusal = TokenRealm.refusal(realm, for: origin, plainAllowed: allowsPlain) {
      throw denied("the token service \(Redaction.text(Redaction.url(realm))) is not asked: \(refusal)")
    }
    guard let realmOrigin = HTTPOrigin(url: realm) else { throw denied("the token service has no usable URL") }
    let credential = endpoint.credential.flatMap { TokenRealm.takesCredential(realm, of: origin) ? $0 : nil }
    if credential == nil, endpoint.credential != nil { noteWithheld(from: realmOrigin.name) }
    var answer: HTTPTransfer
    if let credential, credential.identityToken != nil {
      answer = try post(realm, realmOrigin, service: service, scopes, credential)
    } else {
      let fields = scopes.map { "scope=\(PercentEncoding.encode($0))" } + (service.map { ["service=\(PercentEncoding.encode($0))"] } ?? [])
      let query = fields.isEmpty ? "" : (realm.contains("?") ? "&" : "?") + fields.joined(separator: "&")
      var request = plainRequest(realm + query, realmOrigin)
      request.timeout = 30_000
      if let credential { request.headers.append("Authorization: \(Self.basic(credential))") }
      answer = try HTTPTransfer.start(request)
      // A service that speaks OAuth2 alone.
      if answer.status == 405, let credential { answer = try post(realm, realmOrigin, service: service, scopes, credential) }
    }
    guard answer.status == 200 else {
      throw TransferFailure(answer.status >= 500 ? .broken : .refused, refusal(answer, scope: scopes.joined()))
    }
    return try token(in: answer, realm)
  }

  /// With a refresh token, or with user and password.
  private func post(
    _ realm: String, _ origin: HTTPOrigin, service: String?, _ scopes: [String], _ credential: RegistryCredential
  ) throws(TransferFailure) -> HTTPTransfer {
    var fields = [("client_id", "berth"), ("scope", scopes.joined(separator: " ")), ("service", service ?? endpoint.host)]
    if let token = credential.identityToken {
      fields += [("grant_type", "refresh_token"), ("refresh_token", token)]
    } else {
      fields += [("grant_type", "password"), ("username", credential.username), ("password", credential.password)]
    }
    let form = fields.map { "\($0)=\(PercentEncoding.encode($1))" }.joined(separator: "&")
    var request = plainRequest(realm, origin, method: "POST")
    request.headers = ["Content-Type: application/x-www-form-urlencoded"]
    request.timeout = 30_000
    request.body = HTTPRequest.Body(Array(form.utf8))
    return try HTTPTransfer.start(request)
  }

  private func token(in answer: HTTPTransfer, _ realm: String) throws(TransferFailure) -> String {
    let bytes: [UInt8]
    do throws(BerthError) { bytes = try answer.readAll(limit: 64 << 10) } catch { throw answer.failure ?? TransferFailure(.refused, error) }
    guard let json = try? JSON(parsing: bytes), let token = json["token"]?.string ?? json["access_token"]?.string, !token.isEmpty,
      token.utf8.allSatisfy({ (33...126).contains($0) })
    else { throw denied("the token service \(Redaction.url(realm)) gave no usable token") }
    return token
  }
}
