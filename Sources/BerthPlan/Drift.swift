import BerthManifest

/// Something of a running pod that isn't as it was made: somebody changed it by hand.
public enum Drift: Hashable, Sendable {
  /// Generated files of a volume, by name.
  case files(volume: String, names: [String])
  /// Limits of the pod (nil) or a container, by the kernel's names.
  case limits(container: String?, names: [String])
  /// Volumes that aren't mounted in a container any more, by path.
  case mounts(container: String, paths: [String])
  /// Interfaces that the pod had on its networks and has no more.
  case interfaces(names: [String])
  /// An image that the pod was made from isn't in the store any more: it runs on, but couldn't be restarted.
  case image(reference: String)

  /// For people.
  public var text: String {
    switch self {
    case .files(let volume, let names): "files of volume \(volume) were changed by hand: \(names.joined(separator: ", "))"
    case .limits(let container, let names):
      "limits of \(container.map { "container \($0)" } ?? "the pod") were changed by hand: \(names.joined(separator: ", "))"
    case .mounts(let container, let paths): "mounts of container \(container) were removed by hand: \(paths.joined(separator: ", "))"
    case .interfaces(let names): "the pod's network interfaces were removed by hand: \(names.joined(separator: ", "))"
    case .image(let reference): "image \(reference) is no longer in the store; berth image pull \(reference) brings it back"
    }
  }

  public var isOfAnImage: Bool { if case .image = self { true } else { false } }

  /// nil where only a person can put it right, or something else of the plan does.
  func repair(in pod: ActualPod) -> PodAction? {
    let reason = "\(text) (on_drift = \"repair\")"
    switch self {
    case .files(let volume, _): return PodAction(.updateVolume(name: volume), because: reason)
    case .limits(let container, _): return PodAction(.updateResources(container: container), because: reason)
    case .mounts(let container, _):
      // Mounts are made at a container's start. One that is never started again is left to do what it still can.
      guard pod.spec.restartPolicy != .never, case .running? = pod.containers[container]?.state else { return nil }
      return PodAction(.stopContainer(name: container, purpose: .restart), because: reason)
    case .interfaces, .image: return nil
    }
  }

  /// Why the pod must be made anew for it, nil where that isn't so. One that is to run once only is left to do what it still can.
  func recreationReason(of pod: ActualPod) -> String? {
    guard case .interfaces = self, pod.spec.restartPolicy != .never else { return nil }
    return "\(text) (on_drift = \"repair\")"
  }
}

extension PodSpec {
  /// Whether anything of it can be changed by hand that only a look shows.
  public var canDrift: Bool {
    resources != Resources() || volumes.contains { $0.source.fileSet != nil }
      || containers.contains { $0.resources.memory != nil || $0.resources.cpuMillicores != nil || $0.resources.pids != nil }
  }
}
