import BerthCore
import BerthNode
import BerthPlan

/// Containers made by hand; their tasks are in NodeAPI+Tasks.
extension NodeAPI {
  func addContainerRoutes(_ router: inout Router) {
    router.on("GET", "/v1/containers") { request, _ throws(BerthError) in
      let namespace = request.query["namespace"]
      let containers = node.containers().filter { namespace == nil || $0.key.namespace == namespace }
      return .json(["containers": .array(containers.map { summary($0) })])
    }
    router.on("GET", "/v1/containers/{namespace}/{name}") { _, parameters throws(BerthError) in
      let container = try node.container(try key(parameters))
      var answer = summary(container).object ?? [:]
      answer["spec"] = container.pod.spec.json
      return .json(.object(answer))
    }
    router.on("POST", "/v1/containers/{namespace}/{name}") { request, parameters throws(BerthError) in
      let key = try key(parameters)
      let container = try await blocking { () throws(BerthError) in try node.createContainer(key, manifest: request.body) }
      return .json(summary(container))
    }
    router.on("DELETE", "/v1/containers/{namespace}/{name}") { _, parameters throws(BerthError) in
      let key = try key(parameters)
      try await blocking { () throws(BerthError) in try node.removeContainer(key) }
      return .json([:])
    }
  }

  private func summary(_ container: HandMadeContainer) -> JSON {
    [
      "namespace": .string(container.key.namespace), "name": .string(container.key.name),
      "image": .optional(container.pod.spec.containers.first?.image), "has_task": .bool(node.hasTask(container.key)),
      "labels": .strings(container.pod.spec.labels),
      "created_at": .string(Timestamp(nanoseconds: container.created &* 1_000_000_000).description),
    ]
  }
}
