import BerthCore
import BerthManifest
import BerthPlan
import BerthTestSupport

/// One pod's node with a clock of its own, where operations fail, or are done although they seem to have failed, and where everything that
/// can happen to a pod does: programs end, probes fail, shims die, the machine reboots. It holds every action to what must never happen.
struct SimulatedNode {
  var now = Instant(nanoseconds: 1_000_000_000_000)
  var pod: ActualPod?
  var images: [String: ImageState] = [:]
  /// What was done that must not be; in words.
  private(set) var violations: [String] = []
  private var made = 0
  /// How far the pod had come when the machine went down, until it is made anew.
  private(set) var past: (hash: String, attempts: [String: PastAttempt])?

  /// What an operation came to.
  enum Outcome { case done, failed, doneButLost }

  // MARK: actions

  /// Returns whether the reconciler is told of success.
  mutating func perform(_ action: PodAction, for desired: DesiredPod?, unmet: [String], _ outcome: Outcome) -> Bool {
    check(action.verb, desired, unmet)
    if outcome != .failed { perform(action.verb, desired) }
    return outcome == .done
  }

  private mutating func perform(_ verb: PodAction.Verb, _ desired: DesiredPod?) {
    switch verb {
    case .pullImage(let reference): images[reference] = .pulling
    case .createPod:
      guard let desired else { return }
      made += 1
      pod = ActualPod(uid: "u\(made)", hash: desired.hash, spec: desired.spec, sandbox: .ready)
      pod?.createdAt = now
      pod?.scheduledFor = desired.turn?.due
      pod?.past = desired.past
      for (name, done) in desired.past where desired.spec.hasDone(name, past: desired.past) {
        let exit = ContainerExit(outcome: .code(0, signal: nil, oomKilled: false), at: now, ran: .zero)
        pod?.containers[name] = ActualContainer(attempt: done.attempt, state: .exited(exit))
        pod?.containers[name]?.isPast = true
      }
      past = nil
    case .startContainer(let name, let attempt):
      let step = pod?.containers[name].map { $0.backoffStep + 1 } ?? 0
      pod?.containers[name] = ActualContainer(attempt: attempt, state: .running(since: now), backoffStep: step)
    case .stopContainer(let name, let purpose):
      if purpose == .removal { pod?.isBeingRemoved = true }
      if purpose == .restart { pod?.containers[name]?.stopReason = "unhealthy" }
      pod?.containers[name]?.state = .stopping
    case .retireContainer(let name): pod?.containers[name]?.state = .stopping
    case .removeContainer(let name): pod?.containers[name] = nil
    case .recordSpec:
      guard let desired else { return }
      pod?.spec = desired.spec
      pod?.hash = desired.hash
    case .removePod: pod = nil
    case .failPod(let failure): pod?.failure = failure
    case .releasePod: pod?.sandbox = .released
    case .updateResources, .updateVolume, .signalContainer, .takeOver, .setAside: break
    }
  }

  // MARK: what must never happen

  private mutating func check(_ verb: PodAction.Verb, _ desired: DesiredPod?, _ unmet: [String]) {
    func broken(_ words: String) { violations.append("\(verb.text): \(words)") }
    switch verb {
    case .createPod:
      if pod != nil { broken("a second instance beside a live one") }
      if desired == nil { broken("nobody asked for it") }
      if !unmet.isEmpty { broken("a dependency isn't met") }
    case .startContainer(let name, let attempt):
      guard let pod else { return broken("there is no pod") }
      if pod.containers[name]?.state.isLive == true { broken("it runs already") }
      let before = pod.containers[name]?.attempt ?? pod.past[name]?.attempt
      if attempt != before.map({ $0 + 1 }) ?? 0 { broken("attempt \(attempt) is out of order") }
      if pod.containers[name]?.isPast == true { broken("it had done its work before the node went down") }
      if pod.isBeingRemoved || pod.failure != nil || pod.sandbox != .ready { broken("its pod is over") }
      if !unmet.isEmpty { broken("a dependency isn't met") }
    case .stopContainer(let name, _):
      guard let pod, case .running? = pod.containers[name]?.state else { return broken("it doesn't run") }
      if isUntouched(desired), pod.containers[name]?.health.failure == nil, !pod.isFinished, pod.failure == nil {
        broken("nothing was wrong with it")
      }
    case .removePod:
      guard let pod else { return broken("there is no pod") }
      if pod.containers.values.contains(where: \.state.isLive) { broken("containers of it are alive") }
      if isUntouched(desired), pod.sandbox == .ready { broken("nothing was wrong with it") }
    case .releasePod: if pod?.containers.values.contains(where: \.state.isLive) != false { broken("containers of it are alive") }
    default: if pod == nil, !verb.isPull { broken("there is no pod") }
    }
  }

  /// Whether what runs is what is asked for.
  private func isUntouched(_ desired: DesiredPod?) -> Bool {
    guard let pod, let desired, desired.suspension == nil, desired.spec.schedule == nil else { return false }
    return pod.hash == desired.hash && !pod.isBeingRemoved
  }

  // MARK: what happens

  /// Pulls end, and containers that were told to stop.
  mutating func settle() {
    for (reference, state) in images where state == .pulling { images[reference] = .present(digest: "d") }
    for (name, container) in pod?.containers ?? [:] where container.state == .stopping { end(name, 143) }
    let initNames = Set(pod?.spec.initContainers.filter { !$0.isSidecar }.map(\.name) ?? [])
    for (name, container) in pod?.containers ?? [:] where initNames.contains(name) && container.state.isLive { end(name, 0) }
    for name in (pod?.containers ?? [:]).keys where pod?.containers[name]?.state.isLive == true {
      pod?.containers[name]?.health = .unwatched
    }
    if case .lost? = pod?.sandbox {
      for (name, container) in pod?.containers ?? [:] where container.state.isLive { end(name, 0) }
      pod?.sandbox = .lost(processesLeft: false)
    }
  }

  mutating func happen(_ dice: inout SeededGenerator) {
    now = now + .milliseconds(Int.random(in: 1...400_000, using: &dice))
    let names = (pod?.containers ?? [:]).keys.sorted()
    guard let name = names.randomElement(using: &dice) else { return settle() }
    switch Int.random(in: 0..<12, using: &dice) {
    case 0...2: if pod?.containers[name]?.state.isLive == true { end(name, Int32.random(in: 0...1, using: &dice)) }
    case 3:
      if case .running? = pod?.containers[name]?.state {
        pod?.containers[name]?.health = HealthVerdict(isStarted: true, isReady: false, failure: HealthFailure(.liveness, "no answer"))
      }
    case 4 where pod?.sandbox == .ready:
      let isLive = pod?.containers.values.contains(where: \.state.isLive) == true
      pod?.sandbox = .lost(processesLeft: isLive)
    case 5 where pod?.containers.values.contains(where: \.state.isLive) == false || Bool.random(using: &dice):
      // A reboot: nothing of the pod is left but how far it had come.
      past = pod.map { pod in (pod.hash, pod.past.merging(pod.containers.mapValues(Self.past)) { $1 }) }
      pod = nil
    default: settle()
    }
  }

  private static func past(_ container: ActualContainer) -> PastAttempt {
    PastAttempt(attempt: container.attempt, succeeded: container.succeeded)
  }

  private mutating func end(_ name: String, _ code: Int32) {
    guard let container = pod?.containers[name] else { return }
    var ran = Duration.zero
    if case .running(let since) = container.state { ran = now - since }
    pod?.containers[name]?.state = .exited(ContainerExit(outcome: .code(code, signal: nil, oomKilled: false), at: now, ran: ran))
  }
}

extension PodAction.Verb {
  fileprivate var isPull: Bool { if case .pullImage = self { true } else { false } }
}
