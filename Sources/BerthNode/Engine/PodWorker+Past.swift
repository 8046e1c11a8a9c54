import BerthPlan
import BerthPods

/// What outlives the node: how far a pod had come.
extension PodWorker {
  /// With what came of it before the node went down, where nothing of it has been made since.
  func withPast(_ desired: DesiredPod?, _ observation: PodObservation?) -> DesiredPod? {
    guard var desired, let past, observation == nil, desired.suspension == nil else { return desired }
    // A run that was interrupted goes on, unless another has become due since.
    if desired.turn != nil, desired.turn?.due == nil, past.goesOn { desired.turn?.due = past.scheduledFor }
    if past.hash == desired.hash, past.scheduledFor == desired.turn?.due { desired.past = past.attempts }
    return desired
  }

  /// Writes down how far it has come. Containers made by hand aren't run again after a reboot.
  func keepPast(_ sight: Sighting) {
    guard let current = sight.current, !current.source.isEmpty else { return }
    guard let now = PodPast(of: current, after: services.pasts.past(of: key)) else { return }
    services.pasts.keep(now, of: key)
  }
}
