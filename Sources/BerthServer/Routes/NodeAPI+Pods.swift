import BerthCore
import BerthNode

extension NodeAPI {
  func addPodRoutes(_ router: inout Router) {
    router.on("GET", "/v1/pods") { request, _ throws(BerthError) in
      let namespace = request.query["namespace"]
      let statuses = node.statuses.all().filter { namespace == nil || $0.key.namespace == namespace }
      return .json(["pods": .array(statuses.map(\.json)), "warning": .optional(node.desired.warning)])
    }
    router.on("GET", "/v1/pods/{namespace}/{name}") { _, parameters throws(BerthError) in .json(try status(parameters).json) }
    router.on("GET", "/v1/pods/{namespace}/{name}/spec") { _, parameters throws(BerthError) in
      let key = try key(parameters)
      guard let pod = node.desired.entry(key)?.desired else {
        throw BerthError(.notFound, "inspect pod", "\(key)", cause: "no good manifest of it was seen")
      }
      return .json(["hash": .string(pod.hash), "spec": pod.spec.json])
    }
    router.on("GET", "/v1/pods/{namespace}/{name}/wait") { request, parameters throws(BerthError) in
      try await wait(for: try key(parameters), goal: request.query["for"] ?? "running", timeout: try request.timeout())
    }
  }

  private func status(_ parameters: [String: String]) throws(BerthError) -> PodStatus {
    let key = try key(parameters)
    if let status = node.statuses.status(of: key) { return status }
    let near = Suggestions.nearest(to: key.name, among: node.statuses.all().map(\.key.name))
    let hint = near.isEmpty ? "berth status lists the pods" : "did you mean \(near.joined(separator: ", "))?"
    throw BerthError(.notFound, "find pod", "\(key)", cause: "there is no such pod; \(hint)")
  }

  private func wait(for key: PodKey, goal: String, timeout: Duration?) async throws(BerthError) -> APIResponse {
    let reached: @Sendable (PodStatus?) -> Bool
    switch goal {
    case "ready": reached = { $0?.ready == true }
    case "running": reached = { $0?.phase == .running }
    case "started": reached = { status in status.map { $0.phase != .pending || $0.cannotStartYet } ?? false }
    case "finished": reached = { $0?.phase == .succeeded || $0?.phase == .failed }
    case "succeeded": reached = { $0?.phase == .succeeded }
    case "deleted": reached = { $0 == nil }
    default:
      throw BerthError(.invalidArgument, "wait", goal, cause: "expected started, running, ready, succeeded, finished or deleted")
    }
    guard await Waiting.until(node.statuses, timeout: timeout, { reached(node.statuses.status(of: key)) }) else {
      throw BerthError(
        .deadlineExceeded, "wait", "\(key)",
        cause: node.statuses.status(of: key).map { "it is \($0.phase.rawValue) \($0.reason) \($0.message)" } ?? "there is no such pod")
    }
    return .json(node.statuses.status(of: key)?.json ?? .null)
  }
}

/// Names close to a mistyped one.
enum Suggestions {
  static func nearest(to name: String, among names: [String], limit: Int = 3) -> [String] {
    Set(names).map { ($0, distance(name, $0)) }.filter { $0.1 <= max(1, name.utf8.count / 3) }.sorted { ($0.1, $0.0) < ($1.1, $1.0) }
      .prefix(limit).map(\.0)
  }

  /// Levenshtein's. Names are at most 63 bytes.
  private static func distance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.utf8.prefix(64)), Array(b.utf8.prefix(64)))
    var row = Array(0...b.count)
    for (i, byte) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, other) in b.enumerated() {
        let substitution = diagonal + (byte == other ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substitution, row[j] + 1, diagonal + 1)
      }
    }
    return row[b.count]
  }
}

extension PodStatus {
  /// Something is wrong that only time or a person can mend: nobody should wait for its start.
  fileprivate var cannotStartYet: Bool {
    containers.contains { $0.state == .waiting && !$0.reason.isEmpty && $0.reason != "ContainerCreating" && $0.reason != "PodInitializing" }
  }
}
