import BerthCore
import BerthPlan
import BerthPods

extension PodWorker {
  /// Looks for changes by hand, soon.
  nonisolated func lookForDrift() {
    driftIsDue.store(true, ordering: .sequentiallyConsistent)
    mark()
  }

  /// What was found at the last look for it, while it is still so.
  func withDrift(_ sight: Sighting) async -> Sighting {
    guard sight.current != nil, let pod = handle else {
      drift = []
      return sight
    }
    let isDue = driftIsDue.exchange(false, ordering: .sequentiallyConsistent)
    // What was found may be repaired by now, by us or by hand.
    if isDue || !drift.isEmpty {
      let found = await pod.drift()
      if !found.isEmpty && found != drift {
        services.events.record("Drift", found.map(\.text).joined(separator: "; "), pod: key, severity: .warning)
      }
      drift = found
    }
    var sight = sight
    sight.current?.actual.drift = drift
    return sight
  }
}
