import BerthCore
import BerthManifest
import BerthPods

extension Node {
  /// Of the pods that aren't among `found`, those that had ended for good when the node went down. Before `start`.
  public func ended(besides found: Set<PodKey>) throws(BerthError) -> [PodRecord] {
    try services.pasts.load()
    let ended = services.pasts.all().filter { !$0.value.goesOn && !found.contains($0.key) }
    if ended.isEmpty { return [] }
    var records: [PodRecord] = []
    for (key, _, pod) in try memory.all() {
      // Another spec than it ended with is run.
      guard let past = ended[key], past.hash == pod.hash, let record = past.record(spec: pod.spec) else { continue }
      records.append(record)
    }
    return records
  }

  /// What is left of pods that neither are there nor are asked for: a daemon died before it forgot them.
  func forgetStrangers() {
    guard desired.warning == nil else { return }
    for key in services.pasts.all().keys where workers.worker(key) == nil && desired.entry(key) == nil { services.pasts.forget(key) }
  }
}
