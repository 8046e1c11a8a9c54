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
    throw node.unknownPod(key, "find pod")
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

extension PodStatus {
  /// Something is wrong that only time or a person can mend: nobody should wait for its start.
  fileprivate var cannotStartYet: Bool {
    containers.contains { $0.state == .waiting && !$0.reason.isEmpty && $0.reason != "ContainerCreating" && $0.reason != "PodInitializing" }
  }
}
