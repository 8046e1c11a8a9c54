import BerthCore

/// One call of a registry's API.
struct RegistryCall {
  var method = "GET"
  /// Behind the place's own path: `/library/nginx/manifests/latest`; or a whole URL that the registry gave.
  var path: String
  /// What the token must be good for: `repository:library/nginx:pull`.
  var scope: String
  var headers: [String] = []
  /// Made anew for every try.
  var body: (() throws(BerthError) -> HTTPRequest.Body)?
  /// Statuses that are answers; others are failures.
  var accepted: Set<Int> = [200]
  /// Of the whole call, in milliseconds; 0: none.
  var timeout = 0

  init(_ method: String = "GET", _ path: String, scope: String) {
    self.method = method
    self.path = path
    self.scope = scope
  }

  /// Whether it may be sent twice: what an upload consists of may not.
  var isRepeatable = true
}
