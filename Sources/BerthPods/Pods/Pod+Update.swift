import BerthCore
import BerthImages
import BerthManifest
import BerthOCI
import BerthPlan
import BerthRuntime

/// What changes while it runs.
extension Pod {
  public func record(spec: PodSpec, hash: String) async throws(BerthError) {
    // A container that has come runs what its image is now.
    for reference in spec.imageReferences where record.images[reference] == nil {
      record.images[reference] = try context.images.lookup(ImageReference(reference))?.digest.description
    }
    record.spec = spec
    record.hash = hash
    record.generation += 1
    try save()
  }

  public func updateResources(_ container: String?, to spec: PodSpec) async throws(BerthError) {
    if let container {
      guard let target = spec.allContainers.first(where: { $0.name == container }) else { return }
      let cgroup = try context.cgroup(context.containerCgroup(uid, container))
      // A container that doesn't run gets its limits when it is started.
      guard cgroup.exists() else { return }
      let before = record.spec.allContainers.first { $0.name == container }?.resources ?? Resources()
      var resources = target.resources.runtime(insteadOf: before, cpus: context.cpus)
      if target.resources.pids == nil { resources.pids = ContainerSpec.defaultPids }
      try cgroup.update(resources)
    } else {
      let cgroup = try context.cgroup(context.podCgroup(uid))
      try cgroup.create(RuntimeSpec.Resources())
      try cgroup.update(spec.resources.runtime(insteadOf: record.spec.resources, cpus: context.cpus))
    }
  }

  public func note(_ name: String, attempt: UInt32, _ health: HealthVerdict) async throws(BerthError) {
    guard record.containers[name]?.attempt == attempt else { return }
    record.containers[name]?.isStarted = health.isStarted
    record.containers[name]?.isReady = health.isReady
    try save()
  }
}
