import BerthCore
import BerthManifest
import BerthPlan
import Synchronization

/// How far each pod has come, for those that depend on it, and who waits for whom.
final class DependencyBoard: Sendable {
  private struct State {
    /// What each pod's status showed last.
    var reached: [PodKey: Set<DependencySpec.Condition>] = [:]
    /// By pod: who is to look again when it has come further.
    var waiting: [PodKey: Set<PodKey>] = [:]
  }
  private let state = Mutex(State())
  private let desired: DesiredStore

  init(desired: DesiredStore) { self.desired = desired }

  /// nil: the pod is gone. `isGoing`: this incarnation is on its way out, and has come to nothing any more. Returns who is to look again.
  func publish(_ status: PodStatus?, isGoing: Bool = false, for key: PodKey) -> [PodKey] {
    var reached: Set<DependencySpec.Condition>? = status == nil ? nil : []
    if let status, !isGoing {
      if status.phase == .running || status.phase == .succeeded { reached?.insert(.started) }
      if status.ready { reached?.insert(.ready) }
      if status.phase == .succeeded { reached?.insert(.succeeded) }
    }
    return state.withLock { state in
      guard state.reached[key] != reached else { return [] }
      state.reached[key] = reached
      return Array(state.waiting.removeValue(forKey: key) ?? [])
    }
  }

  /// What keeps the containers of `spec` from being started, in words; empty if nothing does. The pod's worker is told to look again.
  func unmet(for spec: PodSpec) -> [String] {
    if spec.dependsOn.isEmpty { return [] }
    let open = state.withLock { state in
      spec.dependsOn.filter { dependency in
        if state.reached[dependency.pod]?.contains(dependency.condition) == true { return false }
        state.waiting[dependency.pod, default: []].insert(spec.key)
        return true
      }
    }
    guard !open.isEmpty else { return [] }
    let edges: (PodKey) -> [PodKey] = { [desired] in desired.entry($0)?.desired?.spec.dependsOn.map(\.pod) ?? [] }
    if let cycle = DependencyCycle.through(spec.key, edges: edges) {
      return ["depends_on goes in a circle: \(DependencyCycle.words(cycle))"]
    }
    return open.map { dependency in
      let isThere = desired.entry(dependency.pod) != nil
      let goal =
        switch dependency.condition {
        case .started: "to have started"
        case .ready: "to be ready"
        case .succeeded: "to have succeeded"
        }
      return "pod \(dependency.pod) \(goal)" + (isThere ? "" : " (there is no such pod)")
    }
  }
}
