import BerthCore
import BerthPlan
import Synchronization

/// `[manifests] mode = "manual"`: between what the directory asks for and what the workers are told. What was approved stays in force;
/// whatever differs from it waits.
final class ApprovalGate: Sendable {
  struct State {
    /// In force, by pod.
    var approved: [PodKey: DesiredEntry] = [:]
    /// The directory's newest word, where it is another.
    var waiting: [PodKey: DesiredEntry] = [:]
  }
  private let state = Mutex(State())

  /// What was in force when an earlier daemon ended.
  func restore(_ known: [(key: PodKey, path: String, pod: DesiredPod)]) {
    state.withLock { state in
      for entry in known { state.approved[entry.key] = DesiredEntry(desired: entry.pod, source: entry.path) }
    }
  }

  /// What the pod's worker is told of the directory's word.
  func admit(_ word: DesiredEntry, _ key: PodKey) -> DesiredEntry { state.withLock { $0.admit(word, key) } }

  var waiting: [PodKey: DesiredEntry] { state.withLock { $0.waiting } }

  /// Lets what waits take effect, if it still is what was looked at. Returns what the workers are to be told, nil if it is not.
  func approve(_ seen: [PodKey: DesiredEntry]) -> [PodKey: DesiredEntry]? {
    state.withLock { state in
      guard state.waiting == seen else { return nil }
      state.waiting = [:]
      for (key, word) in seen { state.approved[key] = word.desired == nil ? nil : word }
      return seen
    }
  }
}

extension ApprovalGate.State {
  mutating func admit(_ word: DesiredEntry, _ key: PodKey) -> DesiredEntry {
    let before = approved[key]
    waiting[key] = nil
    if word.desired?.hash == before?.desired?.hash {
      // Nothing new, or what is asked for again; where it stands and what is wrong with it isn't a change of the pod.
      if before != nil { approved[key] = word }
      return word
    }
    waiting[key] = word
    guard var kept = before else {
      var held = word
      held.desired?.suspension = "a new manifest waits for approval: berth diff shows the plan"
      held.isUnapproved = true
      return held
    }
    kept.source = word.source ?? kept.source
    kept.problem = word.problem
    let what = word.desired == nil ? "its manifest was removed; that" : "a changed manifest"
    kept.notice = "\(what) waits for approval: berth diff shows the plan"
    return kept
  }
}
