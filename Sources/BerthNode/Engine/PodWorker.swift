import BerthCore
import BerthLinux
import BerthManifest
import BerthPlan
import BerthPods
import Synchronization

/// What a worker shares with the rest of the node.
struct EngineServices: Sendable {
  var pods: any PodService
  var images: ImageDesk
  var statuses: StatusStore
  var events: EventLog
  var pool: ThreadPool
  var rollouts: RolloutMemory
  /// Keeps the newest word of the directory for later daemons.
  var remember: @Sendable (PodKey, DesiredEntry) -> Void
  /// Called once nothing is asked for and nothing is left of a pod.
  var retire: @Sendable (PodWorker) -> Void
}

/// Keeps one pod as its manifest asks. The loop, level-triggered: look at what is asked for and what is there, plan, do, look again,
/// until there is nothing to do; then wait for a mark. A mark says only "look"; marks that come meanwhile melt into one.
actor PodWorker {
  nonisolated let key: PodKey
  let services: EngineServices
  private nonisolated let mailbox: Mailbox

  private(set) var entry: DesiredEntry?
  /// How it came to its spec.
  var rollout: Rollout
  nonisolated let driftIsDue = Atomic(false)
  var drift: [Drift] = []
  var pod: (any PodHandle)?
  var generation: Int64
  private var failure: Failure?
  /// Asked for; over once the incarnation is gone. A daemon that dies meanwhile leaves a pod that is being removed, and makes it anew.
  private var isRestarting = false
  private var timer: Task<Void, Never>?
  var reported: [String: String] = [:]

  private struct Failure {
    var error: BerthError
    /// What it was tried for: another hash starts over.
    var hash: String?
    var attempts: Int
    var retryAt: Instant
  }

  /// A plan that is still not empty after this many rounds waits for the next mark instead of spinning.
  static let roundsLimit = 32
  static let retryDelay = (initial: Duration.seconds(1), max: Duration.seconds(300))

  /// `pod`: an incarnation found at start.
  init(key: PodKey, services: EngineServices, pod: (any PodHandle)? = nil, generation: Int64 = 0) {
    self.key = key
    self.services = services
    self.pod = pod
    self.generation = generation
    rollout = services.rollouts.rollout(of: key)
    mailbox = Mailbox()
  }

  /// Asks for a look; `entry`, where given, is the newest word of the directory. Never blocks. Returns false if this worker has
  /// retired: the pod needs another one.
  @discardableResult nonisolated func mark(_ entry: DesiredEntry? = nil) -> Bool {
    switch mailbox.post(entry) {
    case .closed: return false
    case .taken: return true
    case .needsReader:
      Task(executorPreference: services.pool) { await self.drain() }
      return true
    }
  }

  /// Whether every mark so far has been followed by a look that found nothing more to do.
  nonisolated var isIdle: Bool { mailbox.isIdle }

  /// The incarnation that is there.
  var handle: (any PodHandle)? { pod }

  /// False once it has retired.
  nonisolated var isActive: Bool { !mailbox.isClosed }

  private func drain() async {
    while let letter = mailbox.take() {
      if let newest = letter.entry { entry = newest }
      await sync()
      // Off the way from manifest to process: it waits for the disk.
      if let newest = letter.entry { services.remember(key, newest) }
    }
    // Who waits for rest looks again.
    services.statuses.wakeAll()
  }

  // MARK: the loop

  private func sync() async {
    // Until the directory has been read nobody knows what is asked for, whatever a shim reports.
    guard entry != nil else { return }
    for _ in 0..<Self.roundsLimit {
      let observation = await withDrift(await pod?.observe())
      if observation == nil { isRestarting = false }
      rollout.asked(for: entry?.desired?.hash)
      let desired = isRestarting ? nil : inForce(entry, observation)
      if let observation { generation = max(generation, observation.generation) }
      if failure?.hash != desired?.hash { failure = nil }
      let images = imageStates(desired, observation)
      let now = Instant(nanoseconds: Clock.bootNanoseconds())
      let plan = plan(desired: desired, actual: observation?.actual, images: images, now: now)
      if plan.actions.isEmpty { failure = nil }
      let blocked = failure.map { $0.retryAt > now } ?? false
      let status = publish(observation, plan, images, now)
      let look = follow(observation, status, now: now)
      if look.isChanged { continue }
      if plan.actions.isEmpty || blocked {
        schedule([plan.wakeAt, look.wakeAt, blocked ? failure?.retryAt : nil], now: now)
        retireIfDone(observation)
        return
      }
      do throws(BerthError) { try await perform(plan.actions, observation) } catch {
        noteFailure(error, hash: desired?.hash, now: now)
      }
    }
    services.events.record("Bug", "no end of actions; waiting for the next event", pod: key, severity: .warning)
    schedule([Instant(nanoseconds: Clock.bootNanoseconds()) + .seconds(10)], now: Instant(nanoseconds: Clock.bootNanoseconds()))
  }

  /// Replaces the incarnation by another of the same spec: as if the manifest had gone for a moment.
  func restart() throws(BerthError) {
    _ = try incarnation("restart pod")
    isRestarting = true
    services.events.record("Restarting", "asked for", pod: key)
    mark()
  }

  /// Its incarnation, for what concerns processes and not the plan. Throws `.notFound` where there is none.
  func incarnation(_ operation: String) throws(BerthError) -> any PodHandle {
    guard let pod else { throw BerthError(.notFound, operation, "\(key)", cause: "the pod has not been started") }
    return pod
  }

  /// What `berth diff` prints: the plan as it stands, for `entry` instead of the directory's where given.
  func currentPlan(for other: DesiredEntry? = nil) async -> PodPlan {
    let observation = await pod?.observe()
    let desired = inForce(other ?? entry, observation)
    return forecast(
      desired: desired, actual: observation?.actual, images: imageStates(desired, observation),
      now: Instant(nanoseconds: Clock.bootNanoseconds()))
  }

  /// What the pod is to be. A manifest that is bad and of which no good spec is remembered leaves a pod that runs as it is.
  private func inForce(_ entry: DesiredEntry?, _ observation: PodObservation?) -> DesiredPod? {
    if let asked = entry?.desired { return rollout.target(for: asked).pod }
    guard entry?.problem != nil, let actual = observation?.actual else { return nil }
    return DesiredPod(spec: actual.spec, hash: actual.hash)
  }

  /// Image facts count only where a pod is to be created: a running one keeps what it was created from.
  private func imageStates(_ desired: DesiredPod?, _ observation: PodObservation?) -> [String: ImageState] {
    guard let desired, desired.suspension == nil, observation == nil || observation?.actual.hash != desired.hash else { return [:] }
    var states = services.images.states(for: desired)
    // What is put back is what ran then, whatever its tag means by now.
    let settled = entry?.desired.map { rollout.target(for: $0).images } ?? [:]
    for (reference, digest) in settled { states[reference] = .present(digest: digest) }
    return states
  }

  private func schedule(_ instants: [Instant?], now: Instant) {
    timer?.cancel()
    timer = nil
    guard let due = instants.compactMap({ $0 }).min() else { return }
    timer = Task(executorPreference: services.pool) { [weak self] in
      guard (try? await Task.sleep(for: max(due - now, .milliseconds(1)))) != nil else { return }
      self?.mark()
    }
  }

  private func noteFailure(_ error: BerthError, hash: String?, now: Instant) {
    let attempts = (failure?.attempts ?? 0) + 1
    var delay = Self.retryDelay.initial
    for _ in 1..<min(attempts, 16) where delay < Self.retryDelay.max { delay = delay * 2 }
    failure = Failure(error: error, hash: hash, attempts: attempts, retryAt: now + min(delay, Self.retryDelay.max))
    services.events.record("Failed", "\(error)", pod: key, severity: .warning)
  }

  private func retireIfDone(_ observation: PodObservation?) {
    guard observation == nil, entry?.desired == nil, entry?.problem == nil, mailbox.close() else { return }
    services.retire(self)
  }

  // MARK: status

  private func publish(_ observation: PodObservation?, _ plan: PodPlan, _ images: [String: ImageState], _ now: Instant) -> PodStatus {
    reportExits(observation)
    if let problem = entry?.problem {
      report("ManifestInvalid", problem.message, severity: .warning)
    } else {
      reported["ManifestInvalid"] = nil
    }
    let input = StatusInput(
      key: key, entry: entry, observation: observation, plan: plan, images: images,
      imageFailures: services.images.failures(of: key, hash: entry?.desired?.hash), failure: failure.map { ($0.error, $0.retryAt) },
      now: now, hold: rollout.reason(against: entry?.desired),
      wallNow: Timestamp(nanoseconds: Clock.wallNanoseconds()))
    let status = StatusBuilder.status(input, previous: services.statuses.status(of: key))
    services.statuses.publish(status, for: key)
    return status
  }

  /// Each exit once, however often it is seen.
  private func reportExits(_ observation: PodObservation?) {
    for (name, container) in observation?.actual.containers ?? [:] {
      guard case .exited(let exit) = container.state, let uid = observation?.actual.uid else { continue }
      // Told when it happened.
      if case .startFailed = exit.outcome { continue }
      report(
        "Exited/\(uid)/\(name)", "container \(name): \(exit.words) (attempt \(container.attempt))",
        severity: exit.succeeded ? .normal : .warning, container: name)
    }
  }

  private func report(_ slot: String, _ message: String, severity: NodeEvent.Severity, container: String? = nil) {
    guard reported[slot] != message else { return }
    reported[slot] = message
    services.events.record(String(slot.prefix { $0 != "/" }), message, pod: key, container: container, severity: severity)
  }
}
