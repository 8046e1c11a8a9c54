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
    if Bool.random(using: &dice) { spec.update.strategy = .startFirst }
    if Int.random(in: 0...3, using: &dice) == 0 {
      var port = PortSpec(container: 80)
      port.host = 8080
      spec.containers[0].ports = [port]
    }
    // As good as its hash, and made in a fraction of the time.
    return DesiredPod(spec: spec, hash: String(decoding: spec.record(), as: UTF8.self))
  }

  @Test("from any pod to any other: one action after the other leads there, those that diff says, and then nothing is left to do")
  func converges() async {
    for seed in UInt64(1)...3000 {
      // Others wait for one of the few threads that all tests share, some of them for an answer that comes once.
      await Task.yield()
      var dice = SeededGenerator(seed: seed)
      let asked: [DesiredPod?] = (0..<4).map { _ in Int.random(in: 0...6, using: &dice) == 0 ? nil : pod(&dice) }
      var world = World(now: now)
      for desired in asked {
        let said = forecast(desired: desired, actual: world.actual, beside: world.others, images: world.images, now: now)
          .actions.map(\.text)
        var done: [String] = []
        for _ in 0..<64 {
          let plan = plan(desired: desired, actual: world.actual, beside: world.others, images: world.images, now: now)
          if plan.actions.isEmpty && plan.waitingFor == nil { break }
          for action in plan.actions {
            world.perform(action, desired)
            done.append(action.text)
            if !world.isSafe { Issue.record("seed \(seed): two instances want port 8080") }
          }
          world.pass()
        }
        #expect(said == done, "seed \(seed)")
        let rest = plan(desired: desired, actual: world.actual, beside: world.others, images: world.images, now: now)
        #expect(rest.isConverged && world.others == OtherInstances(), "seed \(seed)")
        #expect(world.actual?.hash == (desired?.suspension == nil ? desired?.hash : nil), "seed \(seed)")
      }
    }
  }
}

/// A node where everything succeeds, but takes its time.
private struct World {
  let now: Instant
  var actual: ActualPod?
  var others = OtherInstances()
  var images: [String: ImageState] = [:]
  private var made = 0

  init(now: Instant) { self.now = now }

  /// Whether no two instances have the same port of the node.
  var isSafe: Bool {
    let all = [actual, others.successor].compactMap { $0 } + others.leaving
    return all.filter { $0.spec.containers.contains { !$0.ports.isEmpty } }.count < 2
  }

  mutating func perform(_ action: PodAction, _ desired: DesiredPod?) {
    switch action.verb {
    case .pullImage(let reference): images[reference] = .pulling
    case .takeOver:
      if let actual { others.leaving.append(actual) }
      (actual, others.successor) = (others.successor, nil)
    case .createPod:
      made += 1
      let pod = desired.map { ActualPod(uid: "u\(made)", hash: $0.hash, spec: $0.spec, sandbox: .ready) }
      if action.instance == .current { actual = pod } else { others.successor = pod }
    default:
      switch action.instance {
      case .current: Self.perform(action.verb, on: &actual, desired, now)
      case .successor: Self.perform(action.verb, on: &others.successor, desired, now)
      case .leaving(let uid):
        var pod = others.leaving.first { $0.uid == uid }
        Self.perform(action.verb, on: &pod, desired, now)
        others.leaving = others.leaving.compactMap { $0.uid == uid ? pod : $0 }
      }
    }
  }

  private static func perform(_ verb: PodAction.Verb, on pod: inout ActualPod?, _ desired: DesiredPod?, _ now: Instant) {
    switch verb {
    case .startContainer(let name, let attempt):
      pod?.containers[name] = ActualContainer(attempt: attempt, state: .running(since: now))
    case .stopContainer(let name, _), .retireContainer(let name): pod?.containers[name]?.state = .stopping
    case .removeContainer(let name): pod?.containers[name] = nil
    case .recordSpec:
      guard let desired else { return }
      pod?.spec = desired.spec
      pod?.hash = desired.hash
    case .removePod: pod = nil
    default: break
    }
  }

  /// Pulls end, containers that were told to stop end, init containers succeed, and what runs is ready.
  mutating func pass() {
    for (reference, state) in images where state == .pulling { images[reference] = .present(digest: "d") }
    actual?.pass(now)
    others.successor?.pass(now)
    for at in others.leaving.indices { others.leaving[at].pass(now) }
    others.isSuccessorReady = others.successor?.readySince != nil
  }
}

extension ActualPod {
  fileprivate mutating func pass(_ now: Instant) {
    let initNames = Set(spec.initContainers.map(\.name))
    let end = ContainerExit(outcome: .code(0, signal: nil, oomKilled: false), at: now, ran: .zero)
    for (name, container) in containers where container.state == .stopping || initNames.contains(name) {
      containers[name]?.state = .exited(end)
    }
  }
}
