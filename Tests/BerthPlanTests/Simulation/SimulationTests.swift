import BerthCore
import BerthManifest
import BerthPlan
import BerthTestSupport
import Glibc
import Testing

/// Decides what to do; the real one, or one with a bug sown in.
private typealias Planner = @Sendable (DesiredPod?, ActualPod?, [String: ImageState], [String], Instant) -> PodPlan

private let real: Planner = { plan(desired: $0, actual: $1, images: $2, unmet: $3, now: $4) }

/// One life of a pod key under one seed: manifests come, change and go, while operations fail and things happen; then all that ends, and
/// what is asked for must come about.
private struct Simulation {
  var dice: SeededGenerator
  var node = SimulatedNode()
  var desired: DesiredPod?
  var unmet: [String] = []
  let plan: Planner

  init(seed: UInt64, _ plan: @escaping Planner) {
    dice = SeededGenerator(seed: seed)
    self.plan = plan
  }

  /// What was wrong; empty if nothing.
  mutating func run() -> [String] {
    for _ in 0..<Int.random(in: 4...24, using: &dice) {
      step()
      if !node.violations.isEmpty { return node.violations }
    }
    unmet = []
    return node.violations + converge()
  }

  private mutating func step() {
    switch Int.random(in: 0..<10, using: &dice) {
    case 0: desired = manifest()
    case 1: desired = nil
    case 2: unmet = unmet.isEmpty ? ["pod default/db to be ready"] : []
    case 3...6: node.happen(&dice)
    default: break
    }
    if desired == nil, Bool.random(using: &dice) { desired = manifest() }
    schedule()
    // A failed action ends the round, as it does where the others need it; the next one looks anew.
    for action in plan(desired, node.pod, node.images, unmet, node.now).actions {
      let outcomes: [SimulatedNode.Outcome] = [.done, .done, .done, .done, .done, .failed, .doneButLost]
      let outcome = outcomes.randomElement(using: &dice) ?? .done
      if !node.perform(action, for: desired, unmet: unmet, outcome) || !node.violations.isEmpty { return }
    }
  }

  /// Without faults.
  private mutating func converge() -> [String] {
    for _ in 0..<80 {
      schedule()
      let next = plan(desired, node.pod, node.images, [], node.now)
      if next.isConverged { return verdict() }
      for action in next.actions { _ = node.perform(action, for: desired, unmet: [], .done) }
      node.settle()
      if next.actions.isEmpty, let wakeAt = next.wakeAt { node.now = max(node.now, wakeAt) }
      if !node.violations.isEmpty { return node.violations }
    }
    return ["no end: \(plan(desired, node.pod, node.images, [], node.now))"]
  }

  private func verdict() -> [String] {
    guard let desired, desired.suspension == nil else { return node.pod == nil ? [] : ["a pod that nobody asks for is left"] }
    if desired.spec.schedule != nil { return [] }
    guard let pod = node.pod else { return ["what is asked for isn't there"] }
    if pod.hash != desired.hash { return ["another spec runs than is asked for"] }
    if pod.isFinished || pod.failure != nil || pod.sandbox == .released { return [] }
    let down = pod.spec.containers.map(\.name).filter { name in
      guard let container = pod.containers[name] else { return true }
      return !container.state.isLive && container.restarts(pod.spec.restartPolicy)
    }
    return down.isEmpty ? [] : ["down and not waited for: \(down)"]
  }

  private mutating func schedule() {
    let hash = desired?.hash
    desired?.past = node.past.flatMap { node.pod == nil && $0.hash == hash ? $0.attempts : nil } ?? [:]
    guard let schedule = desired?.spec.schedule else { return }
    let seconds = node.now.nanoseconds / 1_000_000_000
    let last = node.pod?.scheduledFor ?? seconds - Int64.random(in: 0...7200, using: &dice)
    desired?.turn = ScheduledTurn(
      schedule, in: .utc, last: last, wallNow: Timestamp(nanoseconds: node.now.nanoseconds), now: node.now)
  }

  private mutating func manifest() -> DesiredPod {
    var spec = PodSpec(key: PodKey(namespace: "default", name: "p"))
    for name in ["a", "b"] where name == "a" || Bool.random(using: &dice) {
      spec.containers.append(ContainerSpec(name: name, image: "i:\(Int.random(in: 1...2, using: &dice))", imagePullPolicy: .ifNotPresent))
    }
    if Int.random(in: 0...2, using: &dice) == 0 {
      var first = ContainerSpec(name: "i", image: "i:1", imagePullPolicy: .never)
      first.isSidecar = Bool.random(using: &dice)
      spec.initContainers = [first]
    }
    spec.restartPolicy = RestartPolicy.allCases.randomElement(using: &dice) ?? .always
    if Int.random(in: 0...3, using: &dice) == 0 { spec.activeDeadline = .seconds(Int.random(in: 60...2000, using: &dice)) }
    if Int.random(in: 0...3, using: &dice) == 0 { spec.ttlAfterFinished = .seconds(Int.random(in: 0...300, using: &dice)) }
    if Int.random(in: 0...2, using: &dice) == 0 { spec.labels["l"] = "\(Int.random(in: 0...2, using: &dice))" }
    if Int.random(in: 0...9, using: &dice) == 0 { spec.suspend = true }
    if Int.random(in: 0...5, using: &dice) == 0, let expression = CronExpression("*/10 * * * *") {
      spec.schedule = ScheduleSpec(expression)
      spec.schedule?.concurrencyPolicy = Bool.random(using: &dice) ? .forbid : .replace
      spec.restartPolicy = .never
    }
    // As good as its hash, and made in a fraction of the time.
    return DesiredPod(spec: spec, hash: String(decoding: spec.record(), as: UTF8.self))
  }
}

/// `BERTH_SIMULATION_SEED=N` replays one; `BERTH_SIMULATION_SEEDS=N` runs as many.
@Suite("Simulation: a node where everything goes wrong")
struct SimulationTests {
  private static func number(_ name: String) -> UInt64? { getenv(name).flatMap { UInt64(String(cString: $0)) } }

  private func failures(_ seeds: ClosedRange<UInt64>, _ plan: @escaping Planner) async -> (seed: UInt64, words: [String])? {
    for seed in seeds {
      // The threads are few, and other tests wait for one.
      await Task.yield()
      var simulation = Simulation(seed: seed, plan)
      let words = simulation.run()
      if !words.isEmpty { return (seed, words) }
    }
    return nil
  }

  @Test("nothing ever runs twice, nothing that is in order is touched, and once faults end all is as it is asked for", arguments: 0..<8)
  func invariants(part: UInt64) async {
    let share = (Self.number("BERTH_SIMULATION_SEEDS") ?? 10_000) / 8
    let one = Self.number("BERTH_SIMULATION_SEED")
    let seeds = one.map { $0...$0 } ?? part * share + 1...max(part * share + 1, (part + 1) * share)
    if let found = await failures(seeds, real) {
      Issue.record("BERTH_SIMULATION_SEED=\(found.seed): \(found.words.joined(separator: "; "))")
    }
  }

  @Test("a planner with a bug is caught")
  func sownBugs() async {
    let bugs: [(name: String, plan: Planner)] = [
      (
        "it forgets that a removal has begun",
        { desired, actual, images, unmet, now in
          var actual = actual
          actual?.isBeingRemoved = false
          return real(desired, actual, images, unmet, now)
        }
      ),
      ("it starts what depends on others", { desired, actual, images, _, now in real(desired, actual, images, [], now) }),
      (
        "it takes a lost shim's pod for one that is gone",
        { desired, actual, images, unmet, now in
          var lost = actual
          if case .lost(true)? = actual?.sandbox { lost = nil }
          return real(desired, lost, images, unmet, now)
        }
      ),
      (
        "it restarts what it doesn't remember having started",
        { desired, actual, images, unmet, now in
          var actual = actual
          for name in (actual?.containers ?? [:]).keys where now.nanoseconds % 3 == 0 { actual?.containers[name] = nil }
          return real(desired, actual, images, unmet, now)
        }
      ),
      (
        "it treats an equal spec as another",
        { desired, actual, images, unmet, now in
          var actual = actual
          actual?.hash += "x"
          actual?.spec.hostname += "x"
          return real(desired, actual, images, unmet, now)
        }
      ),
      (
        "it never stops sidecars",
        { desired, actual, images, unmet, now in
          var plan = real(desired, actual, images, unmet, now)
          plan.actions.removeAll { $0.verb.container == "i" && $0.verb.name == "stop_container" }
          return plan
        }
      ),
    ]
    for bug in bugs { #expect(await failures(1...2000, bug.plan) != nil, "\(bug.name)") }
  }
}
