import BerthCore
import BerthManifest
import BerthPlan
import BerthTestSupport
import Testing

@Suite("Planner: properties")
struct PlanPropertyTests {
  private let now = Instant(nanoseconds: 1_000_000_000_000)

  private func pod(_ dice: inout SeededGenerator) -> DesiredPod {
    var spec = PodSpec(key: PodKey(namespace: "default", name: "p"))
    for name in ["a", "b", "c"] where Bool.random(using: &dice) || name == "a" {
      var container = ContainerSpec(name: name, image: "i:\(Int.random(in: 1...2, using: &dice))", imagePullPolicy: .ifNotPresent)
      if Bool.random(using: &dice) { container.resources.memory = ByteSize(bytes: Int64.random(in: 1...2, using: &dice) << 20) }
      if Int.random(in: 0...3, using: &dice) == 0 { container.env["A"] = .text("\(Int.random(in: 0...1, using: &dice))") }
      spec.containers.append(container)
    }
    if Int.random(in: 0...3, using: &dice) == 0 { spec.initContainers = [ContainerSpec(name: "i", image: "i:1", imagePullPolicy: .never)] }
    if Bool.random(using: &dice) { spec.labels["l"] = "\(Int.random(in: 0...2, using: &dice))" }
    if Int.random(in: 0...9, using: &dice) == 0 { spec.suspend = true }
    return DesiredPod(spec: spec, hash: SHA256.hexDigest(spec.json.canonical()))
  }

  @Test("from any pod to any other: one action after the other leads there, those that diff says, and then nothing is left to do")
  func converges() {
    for seed in UInt64(1)...3000 {
      var dice = SeededGenerator(seed: seed)
      let asked: [DesiredPod?] = (0..<4).map { _ in Int.random(in: 0...6, using: &dice) == 0 ? nil : pod(&dice) }
      var world = World(now: now)
      for desired in asked {
        let said = forecast(desired: desired, actual: world.actual, images: world.images, now: now).actions.map(\.verb)
        var done: [PodAction.Verb] = []
        for _ in 0..<64 {
          let plan = plan(desired: desired, actual: world.actual, images: world.images, now: now)
          if plan.actions.isEmpty && plan.waitingFor == nil { break }
          for action in plan.actions {
            world.perform(action.verb, desired)
            done.append(action.verb)
          }
          world.pass()
        }
        #expect(said == done, "seed \(seed)")
        #expect(plan(desired: desired, actual: world.actual, images: world.images, now: now).isConverged, "seed \(seed)")
        #expect(world.actual?.hash == (desired?.suspension == nil ? desired?.hash : nil), "seed \(seed)")
      }
    }
  }
}

/// A node where everything succeeds, but takes its time.
private struct World {
  let now: Instant
  var actual: ActualPod?
  var images: [String: ImageState] = [:]

  init(now: Instant) { self.now = now }

  mutating func perform(_ verb: PodAction.Verb, _ desired: DesiredPod?) {
    switch verb {
    case .pullImage(let reference): images[reference] = .pulling
    case .createPod: actual = desired.map { ActualPod(uid: "u", hash: $0.hash, spec: $0.spec, sandbox: .ready) }
    case .startContainer(let name, let attempt):
      let since = now
      actual?.containers[name] = ActualContainer(attempt: attempt, state: .running(since: since))
    case .stopContainer(let name, _), .retireContainer(let name): actual?.containers[name]?.state = .stopping
    case .removeContainer(let name): actual?.containers[name] = nil
    case .recordSpec:
      guard let desired else { return }
      actual?.spec = desired.spec
      actual?.hash = desired.hash
    case .removePod: actual = nil
    default: break
    }
  }

  /// Pulls end, containers that were told to stop end, init containers succeed.
  mutating func pass() {
    for (reference, state) in images where state == .pulling { images[reference] = .present(digest: "d") }
    let initNames = Set(actual?.spec.initContainers.map(\.name) ?? [])
    let end = ContainerExit(outcome: .code(0, signal: nil, oomKilled: false), at: now, ran: .zero)
    for (name, container) in actual?.containers ?? [:] where container.state == .stopping || initNames.contains(name) {
      actual?.containers[name]?.state = .exited(end)
    }
  }
}
