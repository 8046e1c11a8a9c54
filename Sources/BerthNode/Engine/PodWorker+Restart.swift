import BerthCore
import BerthPlan

/// `berth restart`.
extension PodWorker {
  /// Replaces the incarnation by another of the same spec: as if the manifest had gone for a moment, once its images are there. What failed
  /// is tried again at once, where there is no incarnation yet, too.
  func restart() throws(BerthError) {
    if failures.isEmpty { _ = try incarnation("restart pod") }
    isRestarting = handle != nil
    failures = FailureBook()
    losses = 0
    services.images.retry(key)
    services.events.record("Restarting", "asked for", pod: key)
    mark()
  }

  /// What a restart waits for while the pod goes on: an image that it would be made from, and that can't be had. A registry that is away
  /// stops nothing that runs. nil: nothing.
  func imagesMissing(_ desired: DesiredPod?) -> PodPlan? {
    guard let desired, desired.suspension == nil else { return nil }
    return planImages(desired, actual: nil, images: imageStates(desired), now: services.clock.now)
  }
}
