import BerthCore

/// Routes by method and path pattern: `/v1/pods/{namespace}/{name}`.
public struct Router: Sendable {
  public typealias Handler = @Sendable (APIRequest, [String: String]) async throws(BerthError) -> APIResponse

  struct Route: Sendable {
    var method: String
    var pattern: [String]
    var handler: Handler
    /// Whether it is asked before the request's body is read, and answers with what takes it.
    var takesUpload = false
  }
  private(set) var routes: [Route] = []

  /// Answers every request the same, whatever the route.
  private var refusal: BerthError?

  public init() {}

  /// For a connection that is one too many.
  static var overloaded: Router {
    var router = Router()
    router.refusal = BerthError(.resourceExhausted, "serve", cause: "too many connections at a time; close some, or try again")
    return router
  }

  public mutating func on(_ method: String, _ pattern: String, _ handler: @escaping Handler) {
    routes.append(Route(method: method, pattern: pattern.split(separator: "/").map(String.init), handler: handler))
  }

  /// A route whose handler is called with an empty body, and answers with `.upload` or an error.
  public mutating func onUpload(_ method: String, _ pattern: String, _ handler: @escaping Handler) {
    on(method, pattern, handler)
    routes[routes.count - 1].takesUpload = true
  }

  /// Whether a request of that head goes to such a route.
  func takesUpload(method: String, uri: String) -> Bool {
    guard let request = APIRequest(method: method, uri: uri, body: []) else { return false }
    return refusal == nil && routes.contains { $0.takesUpload && $0.method == method && Self.match($0.pattern, request.path) != nil }
  }

  /// `METHOD /pattern` of every route, for the documentation's test.
  public var table: [String] { routes.map { "\($0.method) /\($0.pattern.joined(separator: "/"))" } }

  public func respond(to request: APIRequest) async -> APIResponse {
    if let refusal { return .error(refusal) }
    var methods: [String] = []
    for route in routes {
      guard let parameters = Self.match(route.pattern, request.path) else { continue }
      guard route.method == request.method else {
        methods.append(route.method)
        continue
      }
      do throws(BerthError) { return try await route.handler(request, parameters) } catch { return .error(error) }
    }
    let path = "/" + request.path.joined(separator: "/")
    if methods.isEmpty { return .error(BerthError(.notFound, "\(request.method) \(path)", cause: "there is no such route")) }
    return .error(
      BerthError(.unsupported, "\(request.method) \(path)", cause: "this route takes \(methods.joined(separator: ", "))"))
  }

  private static func match(_ pattern: [String], _ path: [String]) -> [String: String]? {
    guard pattern.count == path.count else { return nil }
    var parameters: [String: String] = [:]
    for (wanted, segment) in zip(pattern, path) {
      if wanted.hasPrefix("{") { parameters[String(wanted.dropFirst().dropLast())] = segment } else if wanted != segment { return nil }
    }
    return parameters
  }
}
