import BerthCore
import BerthImages
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
    let facts = try? PodFacts.read(paths.state)
    for container in record.spec.containers {
      let gone = lostMounts(of: container, facts)
      if !gone.isEmpty { found.append(.mounts(container: container.name, paths: gone)) }
    }
    let interfaces = lostInterfaces(facts)
    if !interfaces.isEmpty { found.append(.interfaces(names: interfaces)) }
    found += record.images.keys.sorted().filter(isMissing).map { .image(reference: $0) }
    return found
  }

  /// Where volumes were mounted at an earlier look at the same attempt and aren't any more. Compared with what was seen and not with the
  /// spec: an image may lead a path elsewhere by a symlink.
  private func lostMounts(of container: ContainerSpec, _ facts: PodFacts?) -> [String] {
    guard !container.mounts.isEmpty, let known = facts?.containers[container.name], known.isInitAlive, let process = known.initRecord,
      let all = try? MountPoints.of(process: process.process.pid), !all.isEmpty
    else { return [] }
    let mounted = all.intersection(container.mounts.map(\.path))
    guard let seen = mountsSeen[container.name], seen.attempt == process.attempt else {
      mountsSeen[container.name] = (process.attempt, mounted)
      return []
    }
    return seen.paths.subtracting(mounted).sorted()
  }

  /// Those of the pod's networks that were there at an earlier look and aren't any more. The shim lives in the pod's network namespace, and
  /// nothing else names that one: it can't be taken away while the pod runs, only what is in it.
  private func lostInterfaces(_ facts: PodFacts?) -> [String] {
    guard case .attached(let networks) = record.network, let shim = facts?.shim,
      let present = try? NetworkInterfaces.of(process: shim.pid)
    else { return [] }
    let own = present.intersection(networks.indices.map { "eth\($0)" })
    interfacesSeen.formUnion(own)
    return interfacesSeen.subtracting(own).sorted()
  }

  /// A file or folder of the node is read where it is, as long as it is there.
  private func isMissing(_ text: String) -> Bool {
    do throws(BerthError) {
      let reference = try ImageReference(text)
      if reference.isLocal { return false }
      return try context.images.lookup(reference) == nil
    } catch { return false }
  }
}
