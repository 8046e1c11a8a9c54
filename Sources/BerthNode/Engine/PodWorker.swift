import BerthCore
import BerthLinux
import BerthManifest
import BerthPlan
import BerthPods
import Synchronization

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
  var instances: Instances
  var generation: Int64
  /// How far it had come before the node went down, until something of it is made.
  var past: PodPast?
  var failures = FailureBook()
  /// As `ActualPod.losses`.
  var losses = 0
  /// Asked for; over once the incarnation is gone. A daemon that dies before the images are there forgets it; later it leaves a pod that is
  /// being removed, which the next one makes anew.
  var isRestarting = false
  private var timer: (any EngineAlarm)?
  /// Where a pod with a schedule stood when it was last looked at.
  private(set) var turn: ScheduledTurn?
  /// What the store has of it: nobody else writes it there.
  var published: PodStatus?
  /// What was told last under each heading, so that nothing is told twice.
  var reported: [String: String] = [:]

  /// A plan that is still not empty after this many rounds waits for the next mark instead of spinning.
  static let roundsLimit = 32

  /// `instances`: incarnations found at start.
  init(key: PodKey, services: EngineServices, instances: Instances = Instances(), generation: Int64 = 0) {
    self.key = key
    self.services = services
    self.instances = instances
    past = instances.isEmpty ? services.pasts.past(of: key) : nil
    self.generation = max(generation, past?.generation ?? 0)
    rollout = services.rollouts.rollout(of: key)
    mailbox = Mailbox()
  }

  /// Asks for a look; `entry`, where given, is the newest word of the directory. Never blocks. Returns false if this worker has
  /// retired: the pod needs another one.
  @discardableResult nonisolated func mark(_ entry: DesiredEntry? = nil) -> Bool {
    let receipt = post(entry)
    if receipt == .needsReader { Task(executorPreference: services.pool) { await self.drain() } }
    return receipt != .closed
  }

  /// As `mark`, but it is the caller who sees to `drain` where the receipt asks for it.
  nonisolated func post(_ entry: DesiredEntry?) -> Mailbox.Receipt {
    let receipt = mailbox.post(entry)
    if receipt == .needsReader { services.busy.begin() }
    return receipt
  }

  /// The incarnation that serves.
  var handle: (any PodHandle)? { instances.serving }

  /// Whether what lies there is only to be shown.
  nonisolated var isQuiet: Bool { mailbox.letter?.entry?.desired?.suspension != nil }

  /// False once it has retired.
  nonisolated var isActive: Bool { !mailbox.isClosed }

  /// Works off what was posted.
  func drain() async {
    while let letter = mailbox.take() {
      if let newest = letter.entry {
        if newest.desired?.hash != entry?.desired?.hash { losses = 0 }
        entry = newest
      }
      let begun = Clock.bootNanoseconds()
      await sync()
      services.telemetry.reconcile.observe(.nanoseconds(Clock.bootNanoseconds() - begun))
      // Off the way from manifest to process: it waits for the disk.
      if let newest = letter.entry { services.remember(key, newest) }
    }
    // Who waits for rest looks again.
    if services.busy.end() {
      services.statuses.wakeAll()
      services.rest.atRest()
    }
  }

  // MARK: the loop

  private func sync() async {
    // Until the directory has been read nobody knows what is asked for, whatever a shim reports.
    guard entry != nil else { return }
    for _ in 0..<Self.roundsLimit {
      let sight = withLosses(await withDrift(await look()))
      if sight.current == nil { isRestarting = false }
      rollout.asked(for: entry?.desired?.hash)
      let asked = withPast(timed(inForce(entry, sight.current), sight.current), sight.current)
      let missing = isRestarting ? imagesMissing(asked) : nil
      let desired = isRestarting && missing == nil ? nil : asked
      turn = desired?.turn
      for observation in sight.all { generation = max(generation, observation.generation) }
      let images = imageStates(desired, sight.current)
      let now = services.clock.now
      let unmet = unmet(desired)
      var plan = plan(
        desired: desired, absence: absence, actual: sight.current?.actual, beside: others(sight), images: images, unmet: unmet, now: now)
      if let missing { plan.merge(missing) }
      failures.keep(plan.actions, hash: desired?.hash)
      let actions = failures.runnable(plan.actions, now: now)
      publish(sight, desired, plan, images, unmet, now)
      keepPast(sight)
      let look = follow(sight, now: now)
      if look.isChanged { continue }
      if actions.isEmpty {
        schedule([plan.wakeAt, look.wakeAt, failures.retryAt], now: now)
        retireIfDone(sight)
        return
      }
      await perform(actions, sight)
    }
    services.events.record("Bug", "no end of actions; waiting for the next event", pod: key, severity: .warning)
    schedule([services.clock.now + .seconds(10)], now: services.clock.now)
  }

  /// Its incarnation, for what concerns processes and not the plan. Throws `.notFound` where there is none.
  func incarnation(_ operation: String) throws(BerthError) -> any PodHandle {
    guard let handle else { throw BerthError(.notFound, operation, "\(key)", cause: "the pod has not been started") }
    return handle
  }

  /// What `berth diff` prints: the plan as it stands, for `entry` instead of the directory's where given.
  func currentPlan(for other: DesiredEntry? = nil) async -> PodPlan {
    let sight = withLosses(await look())
    let desired = withPast(timed(inForce(other ?? entry, sight.current), sight.current, isAsked: other == nil), sight.current)
    return forecast(
      desired: desired, actual: sight.current?.actual, beside: others(sight), images: imageStates(desired, sight.current),
      unmet: unmet(desired),
      now: services.clock.now)
  }

  /// What the pod is to be. A manifest that is bad and of which no good spec is remembered leaves a pod that runs as it is.
  private func inForce(_ entry: DesiredEntry?, _ observation: PodObservation?) -> DesiredPod? {
    if let asked = entry?.desired {
      var pod = rollout.target(for: asked).pod
      pod.standardNetwork = services.standardNetwork
      return pod
    }
    guard entry?.problem != nil, let actual = observation?.actual else { return nil }
    return DesiredPod(spec: actual.spec, hash: actual.hash)
  }

  /// Why it is to be nothing, where that is so.
  private var absence: String { isRestarting ? "a restart was asked for" : entry?.absence ?? "its manifest was removed" }

  /// With where it stands in its schedule.
  func timed(_ desired: DesiredPod?, _ observation: PodObservation?, isAsked: Bool = true) -> DesiredPod? {
    guard var desired, desired.suspension == nil, desired.spec.schedule != nil else { return desired }
    desired.turn = services.schedules.turn(
      of: desired.spec, run: observation?.actual.scheduledFor, isAsked: isAsked, wallNow: services.clock.wallNow, now: services.clock.now)
    return desired
  }

  private func unmet(_ desired: DesiredPod?) -> [String] {
    guard let desired, desired.suspension == nil else { return [] }
    return services.dependencies.unmet(for: desired.spec)
  }

  /// Image facts count only where a pod is to be created: a running one keeps what it was created from, as long as the store does.
  private func imageStates(_ desired: DesiredPod?, _ observation: PodObservation?) -> [String: ImageState] {
    guard let desired, desired.suspension == nil else { return [:] }
    if let actual = observation?.actual, actual.hash == desired.hash, !actual.drift.contains(where: \.isOfAnImage) { return [:] }
    return imageStates(desired)
  }

  /// Of the images that it would be made from now.
  func imageStates(_ desired: DesiredPod) -> [String: ImageState] {
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
    timer = services.clock.wake(at: due) { [weak self] in self?.mark() }
  }

  private func retireIfDone(_ sight: Sighting) {
    guard sight.isEmpty, entry?.desired == nil, entry?.problem == nil, mailbox.close() else { return }
    services.retire(self)
  }
}
