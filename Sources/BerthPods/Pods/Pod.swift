import BerthCore
import BerthImages
import BerthLinux
import BerthManifest
import BerthOCI
import BerthPlan
import BerthRuntime

/// One incarnation of a pod, from its record to its removal: does what the planner says, tells what is there.
///
/// Driven by one worker at a time; the actor keeps the record and the connection to the shim.
public actor Pod {
  public nonisolated let key: PodKey
  public nonisolated let uid: String
  nonisolated let paths: PodPaths
  nonisolated let context: PodContext
  var record: PodRecord
  var link: Link
  /// Set up once for all containers: volumes and the sandbox.
  var volumes: [String: PreparedVolume] = [:]
  /// The answer to the sandbox's set-up, until somebody has looked at it.
  var sandboxAnswer: ShimAnswer?
  /// Why no container can ever run in it.
  var sandboxFailure: BerthError?
  /// The secrets' way into the pod's memory, begun once.
  var secrets: Task<Result<Void, BerthError>, Never>?

  /// Under way, or done: the pod's networks. nil for a pod that needs none, or has them from an earlier daemon.
  var attaching: Task<Result<Void, BerthError>, Never>?

  /// When each container's latest attempt ended, on the boot clock.
  var exitTimes: [String: (attempt: UInt32, at: Instant)] = [:]
  /// Containers that were told to stop although no shim is there to see to it.
  var stoppedWithoutShim: Set<String> = []
  /// The volumes that were mounted in each container when it was first looked at, by attempt.
  var mountsSeen: [String: (attempt: UInt32, paths: Set<String>)] = [:]
  /// The pod's interfaces as earlier looks for drift found them.
  var interfacesSeen: Set<String> = []
  private var connecting: Task<Void, Never>?
  /// By container.
  var guards: [String: ContainerGuard] = [:]
  /// The other sides of the containers' terminals, by container.
  var terminals: [String: (attempt: UInt32, held: HeldDescriptor)] = [:]
  /// When a keeper was last started.
  var keeperStart: BootTime?
  /// Of a released pod: whether nothing but its record is left.
  var isSwept = false

  enum Link {
    case connected(ShimConnection)
    /// The shim is dead; its keeper looks after what runs.
    case kept(ShimConnection)
    /// The shim is dead, or never lived.
    case lost
  }

  /// How long a shim may take for an answer; a start waits for the kernel's cgroup and mount locks.
  static let answerTime: Int64 = 10_000_000_000
  static let startTime: Int64 = 60_000_000_000

  init(record: PodRecord, context: PodContext) {
    key = record.spec.key
    uid = record.uid
    self.record = record
    self.context = context
    paths = context.paths.pod(uid: record.uid)
    link = .lost
  }

  func deadline(_ nanoseconds: Int64) -> BootTime { BootTime.now.after(nanoseconds: nanoseconds) }

  func container(_ name: String) throws(BerthError) -> ContainerSpec {
    guard let spec = record.spec.allContainers.first(where: { $0.name == name }) else {
      throw BerthError(.bug, "find container", "\(key)/\(name)", cause: "the pod has no such container")
    }
    return spec
  }

  func connection(_ operation: String) throws(BerthError) -> ShimConnection {
    guard let connection = link.connection else {
      throw BerthError(.failedPrecondition, operation, "\(key)", cause: "the pod's shim is gone")
    }
    return connection
  }

  /// Writes the record: before what it speaks of is done.
  func save() throws(BerthError) { try record.write(to: paths.record) }

  // MARK: making it

  /// Everything up to the sandbox. The record comes first, so that nothing is ever made that a later daemon can't find.
  func create() async throws(BerthError) {
    do throws(Errno) {
      try Files.makeDirectory(paths.state)
    } catch { throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "create pod", paths.state, cause: "\(error)") }
    try save()
    try claimIDs()
    // The shim starts up while the rest is prepared.
    let connection = try context.shims.spawn(
      shimPath: context.shimPath, podDirectory: paths.state, onEvent: onEvent, onClosed: onClosed)
    link = .connected(connection)
    volumes = try VolumeManager(paths: paths, key: key, fsGroup: record.spec.fsGroup).prepare(record.spec.volumes)
    try reserveNetworks()
    // Without limits of its own the pod's cgroup is made on the way to its first container's, where it holds nothing else up: on v1,
    // making one waits for the lock that the kernel is just getting ready for the attach.
    if record.spec.resources != Resources() {
      try context.cgroup(context.podCgroup(uid)).create(record.spec.resources.runtime)
    }
    let answer = connection.send(.setUpSandbox(sandboxSetup()), deadline: deadline(Self.answerTime))
    if case .attached = record.network { attachNetworks(after: answer) } else { sandboxAnswer = answer }
  }

  /// An incarnation that an earlier daemon made. A shim that doesn't answer counts as lost: what runs is left alone, nothing is started
  /// beside it.
  func adopt() async {
    // What is left of it is released anew. Of one that had ended before the node went down nothing is.
    isSwept = record.isRestored
    if record.isReleased { return }
    volumes = VolumeManager(paths: paths, key: key).located(record.spec.volumes)
    announceNetworks()
    await connect()
    await reconnect()
  }

  /// To a shim that lives although the connection is lost (it was too slow before), or to the keeper of a dead one. Those who come
  /// meanwhile wait for the same.
  func reconnect() async {
    loseLink()
    guard case .lost = link, !record.isReleased else { return }
    if connecting == nil { connecting = Task { await self.connectAnew() } }
    await connecting?.value
  }

  private func connectAnew() async {
    defer { connecting = nil }
    guard let facts = try? PodFacts.read(paths.state), facts.shim != nil else { return }
    if facts.isShimAlive { await connect() } else { await keep(facts) }
  }

  private func connect() async {
    guard let connection = try? context.shims.connect(podDirectory: paths.state, onEvent: onEvent, onClosed: onClosed) else { return }
    do throws(BerthError) {
      _ = try await connection.greet(deadline: deadline(Self.answerTime))
      // A daemon that died before the sandbox was set up had not prepared the rest either: such a shim ends with its last connection,
      // and the pod is made anew.
      let state = try await connection.readState(deadline: deadline(Self.answerTime))
      guard state.isSandboxReady else { return connection.close() }
      link = .connected(connection)
      // It may have died before the pod was on its networks, too; no container is started before that.
      if attaching == nil, state.containers.isEmpty { attachNetworks(after: nil, again: true) }
    } catch { connection.close() }
  }

  nonisolated var onEvent: @Sendable (ShimEvent) -> Void { { [key, context] _ in context.changed(key) } }
  nonisolated var onClosed: @Sendable () -> Void {
    { [weak self, key, context] in
      Task {
        await self?.loseLink()
        context.changed(key)
      }
    }
  }
  /// A connection that ends late may not be the one that is used by now.
  private func loseLink() { if link.connection?.isOpen != true { link = .lost } }

  // MARK: changes in place

  public func record(spec: PodSpec, hash: String) async throws(BerthError) {
    // A container that has come runs what its image is now.
    for reference in spec.imageReferences where record.images[reference] == nil {
      record.images[reference] = try context.images.lookup(ImageReference(reference))?.digest.description
    }
    record.spec = spec
    record.hash = hash
    record.generation += 1
    try save()
  }

  public func updateResources(_ container: String?, to spec: PodSpec) async throws(BerthError) {
    if let container {
      guard let target = spec.allContainers.first(where: { $0.name == container }) else { return }
      let cgroup = try context.cgroup(context.containerCgroup(uid, container))
      // A container that doesn't run gets its limits when it is started.
      guard cgroup.exists() else { return }
      let before = record.spec.allContainers.first { $0.name == container }?.resources ?? Resources()
      var resources = target.resources.runtime(insteadOf: before, cpus: context.cpus)
      if target.resources.pids == nil { resources.pids = ContainerSpec.defaultPids }
      try cgroup.update(resources)
    } else {
      let cgroup = try context.cgroup(context.podCgroup(uid))
      try cgroup.create(RuntimeSpec.Resources())
      try cgroup.update(spec.resources.runtime(insteadOf: record.spec.resources, cpus: context.cpus))
    }
  }

  // MARK: the end

  public func beginStop(_ name: String, _ purpose: StopPurpose, because reason: String) async throws(BerthError) {
    switch purpose {
    case .removal:
      if record.isBeingRemoved { return }
      record.isBeingRemoved = true
    case .restart: record.containers[name]?.stopReason = reason
    case .completion: return
    }
    // On a full disk, too, a pod can be stopped; only a later daemon then doesn't know.
    try? save()
  }

  public func note(_ name: String, attempt: UInt32, _ health: HealthVerdict) async throws(BerthError) {
    guard record.containers[name]?.attempt == attempt else { return }
    record.containers[name]?.isStarted = health.isStarted
    record.containers[name]?.isReady = health.isReady
    try save()
  }

  public func stop(_ name: String, grace: Duration) async throws(BerthError) {
    let spec = try container(name)
    let image = try? context.images.lookup(ImageReference(spec.image))
    let signal = SignalName.number(spec.stopSignal ?? image?.config.stopSignal ?? "TERM") ?? 15
    guard let connection = link.connection else { return try stopWithoutShim(name, signal: signal, grace: grace) }
    _ = try await connection.request(
      .stop(container: name, signal: signal, graceMilliseconds: UInt64(clamping: grace.milliseconds)), deadline: deadline(Self.answerTime))
  }

  /// The signal now, SIGKILL to all of it after the grace period.
  private func stopWithoutShim(_ name: String, signal: Int32, grace: Duration) throws(BerthError) {
    guard stoppedWithoutShim.insert(name).inserted else { return }
    let cgroup = try context.cgroup(context.containerCgroup(uid, name))
    if let process = try PodFacts.read(paths.state).containers[name]?.initRecord?.process {
      do throws(Errno) { try process.signal(signal) } catch {
        throw BerthError(.unavailable, "stop container", "\(key)/\(name)", cause: "\(error)")
      }
    }
    Task { [context, key] in
      await withCheckedContinuation { done in Timers.shared.wake(after: grace) { done.resume() } }
      // The group is this container's alone; it is empty or gone if the signal was enough.
      try? cgroup.killAll()
      context.changed(key)
    }
  }

  public func removeContainer(_ name: String) async throws(BerthError) {
    guard let known = record.containers[name] else { return }
    for attempt in [known.attempt, known.attempt &- 1] {
      try? context.images.removeSnapshot(key: paths.snapshotKey(name, attempt: attempt))
    }
    do throws(Errno) { try Files.removeTree("\(paths.logDirectory(key))/\(name)") } catch {
      throw BerthError(.unavailable, "remove container", "\(key)/\(name)", cause: "\(error)")
    }
  }

  /// Its containers are dead (or its shim is, and this ends what is left). Idempotent: what is gone already is fine.
  public func remove() async throws(BerthError) {
    try await detachNetworks()
    try await shutDown()
    try PodSweeper(context: context).remove(uid: uid, logs: paths.logDirectory(key))
  }

  /// Its containers are dead.
  func shutDown() async throws(BerthError) {
    if case .connected(let connection) = link {
      do throws(BerthError) { _ = try await connection.request(.shutdown, deadline: deadline(Self.answerTime)) } catch {
        // Without an answer it is ended by force.
        if error.code != .unavailable && error.code != .deadlineExceeded { throw error }
        connection.close()
      }
    }
    // A keeper has nobody left to look after; the sweeper ends it.
    if case .kept(let connection) = link { connection.close() }
    link = .lost
  }
}

extension Pod.Link {
  /// To whoever looks after the containers.
  var connection: ShimConnection? {
    switch self {
    case .connected(let connection), .kept(let connection): connection
    case .lost: nil
    }
  }
}
