import BerthCore
import BerthManifest
import BerthNode
import BerthPods

/// Persistent volumes: they stay when their pod goes, until somebody removes them.
extension NodeAPI {
  func addVolumeRoutes(_ router: inout Router) {
    router.on("GET", "/v1/volumes") { request, _ throws(BerthError) in
      let namespace = request.query["namespace"]
      let all = try await blocking { [volumes] () throws(BerthError) in volumes.list() }
      return .json(["volumes": .array(all.filter { namespace == nil || $0.namespace == namespace }.map { .object(view($0)) })])
    }
    router.on("GET", "/v1/volumes/{namespace}/{pod}/{name}") { _, parameters throws(BerthError) in
      let volume = try Self.volume(parameters)
      let usage = try await blocking { [volumes] () throws(BerthError) in try volumes.usage(volume) }
      var answer = view(volume)
      (answer["size"], answer["inodes"]) = (.integer(usage.bytes), .integer(usage.inodes))
      return .json(.object(answer))
    }
    router.on("DELETE", "/v1/volumes/{namespace}/{pod}/{name}") { _, parameters throws(BerthError) in
      let volume = try Self.volume(parameters)
      let users = users(of: volume)
      guard users.isEmpty else {
        throw BerthError(.failedPrecondition, "remove volume", volume.text, cause: "pod \(users.joined(separator: ", ")) uses it")
      }
      try await blocking { [volumes] () throws(BerthError) in try volumes.remove(volume) }
      return .json([:])
    }
  }

  private static func volume(_ parameters: [String: String]) throws(BerthError) -> VolumeStore.Volume {
    try VolumeStore.Volume(
      namespace: parameters["namespace"] ?? "", pod: parameters["pod"] ?? "", name: parameters["name"] ?? "")
  }

  private func view(_ volume: VolumeStore.Volume) -> JSONObject {
    [
      "namespace": .string(volume.namespace), "pod": .optional(volume.pod), "name": .string(volume.name),
      "path": .string(volumes.path(volume)), "in_use_by": .strings(users(of: volume)),
    ]
  }

  /// Pods that are there or asked for and have it in their spec; also those that may still have it (an edit or a removal is under way).
  private func users(of volume: VolumeStore.Volume) -> [String] {
    let desired = node.desired.all()
    let statuses = Dictionary(node.statuses.all().map { ($0.key, $0) }) { first, _ in first }
    let keys = Set(desired.keys).union(statuses.keys).filter { $0.namespace == volume.namespace }
    return keys.filter { key in
      guard volume.pod == nil || volume.pod == key.name else { return false }
      guard let pod = desired[key]?.desired else { return statuses[key] != nil }
      if let status = statuses[key], !status.converged, status.uid != nil, status.specHash != pod.hash { return true }
      return pod.spec.volumes.contains { spec in
        guard case .persistent(let shared) = spec.source else { return false }
        return volume.pod == nil ? shared == volume.name : shared == nil && spec.name == volume.name
      }
    }.map { "\($0)" }.sorted()
  }
}
