import BerthCore
import BerthPlan
import BerthPods

/// Shims that die over and over, each soon after its start: a broken program, a node without memory.
extension PodWorker {
  /// A pod that lived for so long starts the count anew.
  private static let longLife: Duration = .seconds(600)

  func withLosses(_ sight: Sighting) -> Sighting {
    var sight = sight
    sight.current?.actual.losses = losses
    sight.successor?.actual.losses = losses
    return sight
  }

  /// An incarnation was removed.
  func countLoss(of pod: ActualPod?) {
    guard let pod, pod.sandbox == .lost(processesLeft: false), let createdAt = pod.createdAt else { return }
    losses = services.clock.now - createdAt < Self.longLife ? losses + 1 : 1
  }
}
