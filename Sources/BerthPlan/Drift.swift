import BerthManifest

/// Something of a running pod that isn't as it was made: somebody changed it by hand.
public enum Drift: Hashable, Sendable {
  /// Generated files of a volume, by name.
  case files(volume: String, names: [String])
  /// Limits of the pod (nil) or a container, by the kernel's names.
  case limits(container: String?, names: [String])

  /// For people.
  public var text: String {
    switch self {
    case .files(let volume, let names): "files of volume \(volume) were changed by hand: \(names.joined(separator: ", "))"
    case .limits(let container, let names):
      "limits of \(container.map { "container \($0)" } ?? "the pod") were changed by hand: \(names.joined(separator: ", "))"
    }
  }

  var repair: PodAction {
    switch self {
    case .files(let volume, _): PodAction(.updateVolume(name: volume), because: "\(text) (on_drift = \"repair\")")
    case .limits(let container, _): PodAction(.updateResources(container: container), because: "\(text) (on_drift = \"repair\")")
    }
  }
}

extension PodSpec {
  /// Whether anything of it can be changed by hand that only a look shows.
  public var canDrift: Bool {
    resources != Resources() || volumes.contains { $0.source.fileSet != nil }
      || containers.contains { $0.resources.memory != nil || $0.resources.cpuMillicores != nil || $0.resources.pids != nil }
  }
}
