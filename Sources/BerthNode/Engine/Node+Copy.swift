import BerthCore
import BerthPods

extension Node {
  /// Begins to copy files out of or into a container (nil: the pod's first). Who can do this can read and change all that the container
  /// can: it is told in the events.
  public func copy(
    _ key: PodKey, _ container: String?, _ path: String, _ direction: ContainerCopy.Direction
  ) async throws(BerthError) -> ContainerCopy {
    let copy = try await control(of: key).copy(container, path, direction)
    let way = if case .out = direction { "out of" } else { "into" }
    events.record("Copy", "files \(way) container \(container ?? "(first)"): \(path)", pod: key, container: container)
    return copy
  }
}
