import BerthCore
import BerthPlan

extension Node {
  /// The plans that wait for approval, and the id that approves them; nil where the pods follow the directory at once or nothing waits.
  public func waitingPlan() async -> (id: String, plans: [(key: PodKey, plan: PodPlan)])? { await look()?.found }

  private func look() async -> (found: (id: String, plans: [(key: PodKey, plan: PodPlan)]), seen: [PodKey: DesiredEntry])? {
    guard let gate else { return nil }
    let seen = gate.waiting
    if seen.isEmpty { return nil }
    var plans: [(key: PodKey, plan: PodPlan)] = []
    for (key, entry) in seen.sorted(by: { $0.key < $1.key }) { plans.append((key, await plan(for: key, entry: entry))) }
    return ((Self.id(of: plans, seen), plans), seen)
  }

  /// Lets the plan with this id take effect. Throws `.failedPrecondition` if it isn't what waits by now.
  public func approve(_ id: String) async throws(BerthError) {
    let operation = "approve plan"
    guard let gate else {
      throw BerthError(
        .failedPrecondition, operation, id, cause: "plans take effect at once; [manifests] mode = \"manual\" makes them wait")
    }
    guard let (found, seen) = await look() else {
      throw BerthError(.failedPrecondition, operation, id, cause: "no plan waits for approval")
    }
    guard found.id == id, let admitted = gate.approve(seen) else {
      throw BerthError(
        .failedPrecondition, operation, id, cause: "it is stale: what is asked for or what is there has changed; see berth diff")
    }
    for (key, entry) in admitted.sorted(by: { $0.key < $1.key }) {
      events.record("Approved", "plan \(id)", pod: key)
      ask(for: entry, key)
    }
  }

  /// Of everything that is planned, and of the specs that it leads to.
  private static func id(of plans: [(key: PodKey, plan: PodPlan)], _ seen: [PodKey: DesiredEntry]) -> String {
    let parts = plans.map { key, plan -> JSON in
      let actions = plan.actions.map { JSON.array([.string($0.text), .string($0.reason)] + $0.changes.map { .string($0.description) }) }
      return ["pod": .string("\(key)"), "hash": .optional(seen[key]?.desired?.hash), "actions": .array(actions)]
    }
    return String(SHA256.hexDigest(JSON.array(parts).canonical()).prefix(12))
  }
}
