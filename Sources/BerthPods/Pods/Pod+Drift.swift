import BerthCore
import BerthLinux
import BerthManifest
import BerthPlan
import BerthRuntime

extension Pod {
  /// What of it was changed by hand. Reads every generated file and limit: meant for a look from time to time.
  public func drift() async -> [Drift] {
    guard case .connected = link, !record.isBeingRemoved else { return [] }
    var found: [Drift] = []
    for volume in record.spec.volumes {
      guard let names = try? generatedFiles(of: volume)?.drifted(), !names.isEmpty else { continue }
      found.append(.files(volume: volume.name, names: names))
    }
    let pod = (try? context.cgroup(context.podCgroup(uid)))?.changedLimits(from: record.spec.resources.runtime) ?? []
    if !pod.isEmpty { found.append(.limits(container: nil, names: pod)) }
    for container in record.spec.allContainers {
      let cgroup = try? context.cgroup(context.containerCgroup(uid, container.name))
      let names = cgroup?.changedLimits(from: container.resources.runtime) ?? []
      if !names.isEmpty { found.append(.limits(container: container.name, names: names)) }
    }
    return found
  }
}
