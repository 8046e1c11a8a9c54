import BerthCore
import BerthLinux
import BerthManifest
import BerthPlan
import BerthPods
import Synchronization

/// The engine: from manifests to pods. Owns the directory's thread and one worker per pod.
public final class Node: Sendable {
  public let statuses = StatusStore()
  public let desired = DesiredStore()
  public let events: EventLog
  public let telemetry = Telemetry()

  let services: EngineServices
  private let directory: ManifestDirectory
  let memory: SpecMemory
  let labels: [String: String]
  /// nil: pods follow the directory at once.
  let gate: ApprovalGate?
  let handMade: HandMadeContainers
  let workers: WorkerTable
  /// Held while the directory's word is passed on, so that none comes after the end.
  let isShuttingDown = Mutex(false)

  public struct Options: Sendable {
    public var directory: ManifestDirectory.Options
    public var parallelPulls: Int
    public var threads: Int
    /// `[node] labels`: what `node_selector` is held against.
    public var labels: [String: String] = [:]
    /// `[network] default`: what pods are on that name no network.
    public var standardNetwork: PodNetwork = .standard
    /// Whether changes of the directory wait for approval.
    public var needsApproval = false
    /// Where it is written down what pods with a schedule ran last.
    public var schedules: String
    public init(directory: ManifestDirectory.Options, schedules: String, parallelPulls: Int = 3, threads: Int = 8) {
      self.schedules = schedules
      self.directory = directory
      self.parallelPulls = parallelPulls
      self.threads = threads
    }
  }

  public init(
    options: Options, pods: any PodService, images: any ImageProvider, lastGood: any LastGoodStore & RolloutStore & PastStore,
    handMade: (any HandMadeStore)? = nil
  ) throws(BerthError) {
    self.handMade = HandMadeContainers(store: handMade)
    let statuses = statuses
    events = EventLog(
      // A pod whose manifest is gone has a status for as long as anything happens to it.
      labels: { [desired] in desired.entry($0)?.desired?.spec.labels ?? statuses.status(of: $0)?.labels ?? [:] },
      clock: { Timestamp(nanoseconds: Clock.wallNanoseconds()) })
    let workers = WorkerTable()
    let desk = ImageDesk(provider: images, events: events, parallelPulls: options.parallelPulls)
    let dependencies = DependencyBoard(desired: desired)
    let memory = SpecMemory(store: lastGood, events: events)
    self.memory = memory
    let rollouts = RolloutMemory(store: lastGood, events: events) { memory.write($0) }
    let pasts = PastMemory(store: lastGood, events: events) { memory.writeAlways($0) }
    let pool = ThreadPool(name: "pods", threads: options.threads)
    let busy = BusyCount()
    let schedules = ScheduleDesk(folder: options.schedules, events: events) { [desired] in
      for (key, entry) in desired.all() where entry.desired?.spec.schedule != nil { workers.worker(key)?.mark() }
    }
    services = EngineServices(
      pods: pods, images: desk, health: try HealthMonitor(events: events, pool: pool, telemetry: telemetry) { workers.worker($0)?.mark() },
      clock: SystemClock(), dependencies: dependencies, schedules: schedules, standardNetwork: options.standardNetwork,
      mark: { workers.worker($0)?.mark() },
      statuses: statuses, events: events,
      pool: pool,
      rollouts: rollouts, pasts: pasts,
      remember: { key, entry in memory.remember(key, entry) },
      retire: { worker in
        // One who took its place has a status and pulls of its own.
        workers.remove(worker) {
          desk.forget(worker.key)
          rollouts.forget(worker.key)
          schedules.forget(worker.key)
          pasts.forget(worker.key)
          statuses.remove(worker.key)
        }
        for dependent in dependencies.publish(nil, for: worker.key) { workers.worker(dependent)?.mark() }
        // Waiters look at the store: last, so that what they find is true.
        statuses.wakeAll()
      }, telemetry: telemetry, busy: busy, rest: RestKeeper(busy: busy, pool: pool))
    self.workers = workers
    labels = options.labels
    gate = options.needsApproval ? ApprovalGate() : nil
    let inbox = Inbox()
    directory = try ManifestDirectory(options: options.directory) { update in inbox.deliver(update) }
    inbox.connect { [unowned self] update in self.apply(update) }
  }

  /// `adopted`: incarnations that earlier daemons left running. Returns once the directory was read, every worker was told (see `isAtRest`)
  /// and each of those pods has a status, but for one that takes long to look at.
  public func start(adopting adopted: [(key: PodKey, pods: Instances)]) async throws(BerthError) {
    try services.rollouts.load()
    for entry in adopted { workers.insert(PodWorker(key: entry.key, services: services, instances: entry.pods)) }
    try await takeUpTasks(adopted)
    let known = try await known(adopted)
    gate?.restore(known)
    try directory.start(known: known)
    // Pods whose manifest is gone, too, must be looked at.
    for entry in adopted { workers.worker(entry.key)?.mark(desired.entry(entry.key) ?? nothing(for: entry.key)) }
    forgetStrangers()
    _ = await Waiting.until(statuses, timeout: .seconds(2)) { [statuses, workers] in
      adopted.allSatisfy { statuses.status(of: $0.key) != nil || workers.worker($0.key) == nil }
    }
  }

  /// Containers made by hand whose task runs, or ran: they are asked for as they are. One whose removal had begun goes on being removed.
  private func takeUpTasks(_ adopted: [(key: PodKey, pods: Instances)]) async throws(BerthError) {
    try handMade.load { events.record("Failed", "\($0)", severity: .warning) }
    for entry in adopted {
      guard let container = handMade[entry.key], let pod = entry.pods.serving, await !pod.observe().actual.isBeingRemoved else { continue }
      desired.set(entry.key, DesiredEntry(desired: container.pod))
    }
  }

  /// What was in force when the last daemon ended: what it wrote down, and pods that run although a kill came before that. A pod whose
  /// file is surely gone isn't among the latter: it was being removed.
  private func known(_ adopted: [(key: PodKey, pods: Instances)]) async throws(BerthError) -> [(
    key: PodKey, path: String, pod: DesiredPod
  )] {
    var known = try memory.all()
    let remembered = Set(known.map(\.key))
    let isDirectoryThere = (try? Files.list(directory.path)) != nil
    for entry in adopted where !remembered.contains(entry.key) {
      guard let observation = await entry.pods.serving?.observe() else { continue }
      guard !isDirectoryThere || Files.exists(observation.source) else { continue }
      known.append((entry.key, observation.source, DesiredPod(spec: observation.actual.spec, hash: observation.actual.hash)))
    }
    return known
  }

  /// A pod's shim had something to say, or is gone.
  public func mark(_ key: PodKey) { workers.worker(key)?.mark() }

  /// Before the process ends: what was last seen of the directory and of the pods is on disk for the next daemon.
  public func flush() {
    services.pasts.hurry()
    memory.flush()
  }

  /// Reads the directory again; with `prune`, lets held removals take effect;
  /// with `settled`, returns once no removal waits for its delay.
  public func rescan(prune: Bool, settled: Bool = false) async { await directory.rescan(prune: prune, settled: settled) }

  /// Whether every worker has looked at all it was told of and every status in the store is of then. Waiters of the store are woken when
  /// this may have come true.
  public var isAtRest: Bool { services.busy.isZero }
  /// Every pod is as its manifest asks, or can't be for now.
  public var hasSettled: Bool { statuses.allSatisfy { $0.converged || $0.nextRetryAt != nil || $0.phase == .failed } }

  func handle(of key: PodKey) async -> (any PodHandle)? { await workers.worker(key)?.handle }
}

/// Lets the directory be made before the node that reads from it.
private final class Inbox: Sendable {
  private let handler = Mutex<(@Sendable (ManifestDirectory.Update) -> Void)?>(nil)
  func connect(_ handler: @escaping @Sendable (ManifestDirectory.Update) -> Void) { self.handler.withLock { $0 = handler } }
  func deliver(_ update: ManifestDirectory.Update) { handler.withLock { $0 }?(update) }
}
