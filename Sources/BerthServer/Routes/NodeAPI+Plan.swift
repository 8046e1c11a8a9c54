import BerthCore
import BerthManifest
import BerthNode
import BerthPlan

extension NodeAPI {
  func addPlanRoutes(_ router: inout Router) {
    router.on("GET", "/v1/diff") { _, _ throws(BerthError) in
      let plans = await node.plans()
      let waiting = await node.waitingPlan()
      let all = plans.filter { plan in waiting?.plans.contains { $0.key == plan.key } != true } + (waiting?.plans ?? [])
      return .json([
        "plans": .array(all.sorted { $0.key < $1.key }.map { Self.json($0.key, $0.plan) }), "plan_id": .optional(waiting?.id),
        "diagnostics": .array(node.statuses.all().flatMap(\.diagnostics).map(\.json)),
      ])
    }
    router.on("POST", "/v1/plans/{id}/approve") { _, parameters throws(BerthError) in
      try await node.approve(parameters["id"] ?? "")
      return .json([:])
    }
    router.on("POST", "/v1/diff") { request, _ throws(BerthError) in try await planFiles(request) }
    router.on("POST", "/v1/sync") { request, _ throws(BerthError) in try await sync(request) }
    router.on("POST", "/v1/shutdown") { _, _ throws(BerthError) in
      try await node.stopAllPods(timeout: .seconds(3600))
      var response = APIResponse.json([:])
      response.afterwards = info.end
      return response
    }
  }

  private func sync(_ request: APIRequest) async throws(BerthError) -> APIResponse {
    let timeout = try request.timeout()
    let waits = request.flag("wait")
    await node.rescan(prune: request.flag("prune"), settled: waits)
    if waits {
      let done = await Waiting.until(node.statuses, atRest: true, timeout: timeout) {
        node.isAtRest && node.statuses.allSatisfy(\.converged)
      }
      guard done else {
        let open = node.statuses.all().filter { !$0.converged }
        let words = open.prefix(5).map { pod in
          "\(pod.key) (\([pod.reason, pod.message].filter { !$0.isEmpty }.joined(separator: " ")))"
        }
        throw BerthError(.deadlineExceeded, "sync", cause: "not converged: " + words.joined(separator: "; "))
      }
    }
    return .json(["pods": .array(node.statuses.all().map(\.json)), "warning": .optional(node.desired.warning)])
  }

  /// Body: `{"files": [{"path", "content"}]}`. The plan as if these files were in the directory.
  private func planFiles(_ request: APIRequest) async throws(BerthError) -> APIResponse {
    let body: JSON
    do throws(JSONError) { body = try JSON(parsing: request.body) } catch {
      throw BerthError(.invalidArgument, "read request", cause: "\(error)")
    }
    var plans: [JSON] = []
    var diagnostics: [JSON] = []
    for file in body["files"]?.array ?? [] {
      guard let path = file["path"]?.string, let content = file["content"]?.string else {
        throw BerthError(.invalidArgument, "read request", "files", cause: "each needs path and content")
      }
      let manifest = ManifestSource.decode(Array(content.utf8), file: path)
      diagnostics += manifest.diagnostics.map(\.json)
      guard let spec = manifest.spec, let hash = manifest.hash else { continue }
      let entry = DesiredEntry(desired: DesiredPod(spec: spec, hash: hash), source: path, problem: nil)
      plans.append(Self.json(spec.key, await node.plan(for: spec.key, entry: entry)))
    }
    return .json(["plans": .array(plans), "diagnostics": .array(diagnostics)])
  }

  static func json(_ key: PodKey, _ plan: PodPlan) -> JSON {
    [
      "namespace": .string(key.namespace), "name": .string(key.name), "waiting_for": .optional(plan.waitingFor),
      "actions": .array(
        plan.actions.map { action in
          [
            "action": .string(action.verb.name), "container": .optional(action.verb.container), "text": .string(action.text),
            "reason": .string(action.reason),
            "changes": .array(
              action.changes.map {
                ["path": .string($0.path), "old": .string($0.old), "new": .string($0.new), "in_place": .bool($0.inPlace)]
              }),
          ]
        }),
    ]
  }
}
