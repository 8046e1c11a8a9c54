import BerthCore
import BerthManifest
import BerthPlan
import Synchronization

/// How far each pod has come, for those that depend on it, and who waits for whom.
final class DependencyBoard: Sendable {
  /// The conditions that a pod fulfils.
  private struct Reach: OptionSet {
    let rawValue: UInt8
    static func condition(_ condition: DependencySpec.Condition) -> Reach {
      switch condition {
      case .started: Reach(rawValue: 1)
      case .ready: Reach(rawValue: 2)
      case .succeeded: Reach(rawValue: 4)
      }
    }
  }

  private struct State {
    /// What each pod's status showed last.
    var reached: [PodKey: Reach] = [:]
    /// By pod: who is to look again when it has come further.
    var waiting: [PodKey: Set<PodKey>] = [:]
  }
  private let state = Mutex(State())
  private let desired: DesiredStore

  init(desired: DesiredStore) { self.desired = desired }

  /// nil: the pod is gone. `isGoing`: this incarnation is on its way out, and has come to nothing any more. Returns who is to look again.
  func publish(_ status: PodStatus?, isGoing: Bool = false, for key: PodKey) -> [PodKey] {
    let reach = status.map { Self.reach($0, isGoing: isGoing) }
    // Every worker comes by here: as little as can be happens under the lock.
    return state.withLock { state in
      let before = if let reach { state.reached.updateValue(reach, forKey: key) } else { state.reached.removeValue(forKey: key) }
      guard before != reach, !state.waiting.isEmpty else { return [] }
      return Array(state.waiting.removeValue(forKey: key) ?? [])
    }
  }

  private static func reach(_ status: PodStatus, isGoing: Bool) -> Reach {
    var reach: Reach = []
    if isGoing { return reach }
    if status.phase == .running || status.phase == .succeeded { reach.insert(.condition(.started)) }
    if status.ready { reach.insert(.condition(.ready)) }
    if status.phase == .succeeded { reach.insert(.condition(.succeeded)) }
    return reach
  }

  /// What keeps the containers of `spec` from being started, in words; empty if nothing does. The pod's worker is told to look again.
  func unmet(for spec: PodSpec) -> [String] {
    if spec.dependsOn.isEmpty { return [] }
    let open = state.withLock { state in
      spec.dependsOn.filter { dependency in
        if state.reached[dependency.pod]?.contains(.condition(dependency.condition)) == true { return false }
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
      let entry = desired.entry(dependency.pod)
      let goal =
        switch dependency.condition {
        case .started: "to have started"
        case .ready: "to be ready"
        case .succeeded: "to have succeeded"
        }
      let isVain = dependency.condition == .succeeded && entry?.desired?.spec.neverSucceeds == true
      let why = entry == nil ? " (there is no such pod)" : isVain ? " (it never does: its restart_policy is \"always\")" : ""
      return "pod \(dependency.pod) \(goal)\(why)"
    }
  }
}
