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

  private let services: EngineServices
  private let directory: ManifestDirectory
  private let memory: SpecMemory
  private let workers: WorkerTable
  private let isShuttingDown = Atomic(false)

  public struct Options: Sendable {
    public var directory: ManifestDirectory.Options
    public var parallelPulls: Int
    public var threads: Int
    public init(directory: ManifestDirectory.Options, parallelPulls: Int = 3, threads: Int = 8) {
      self.directory = directory
      self.parallelPulls = parallelPulls
      self.threads = threads
    }
  }

  public init(options: Options, pods: any PodService, images: any ImageProvider, lastGood: any LastGoodStore) throws(BerthError) {
    events = EventLog { Timestamp(nanoseconds: Clock.wallNanoseconds()) }
    let workers = WorkerTable()
    let desk = ImageDesk(provider: images, events: events, parallelPulls: options.parallelPulls)
    let memory = SpecMemory(store: lastGood, events: events)
    self.memory = memory
    services = EngineServices(
      pods: pods, images: desk, statuses: statuses, events: events, pool: ThreadPool(name: "pods", threads: options.threads),
      remember: { key, entry in memory.remember(key, entry) },
      retire: { worker in
        workers.remove(worker)
        desk.forget(worker.key)
      })
    self.workers = workers
    let inbox = Inbox()
    directory = try ManifestDirectory(options: options.directory) { update in inbox.deliver(update) }
    inbox.connect { [unowned self] update in self.apply(update) }
  }

  /// `adopted`: incarnations that earlier daemons left running. Returns once the directory was read and every pod was looked at once.
  public func start(adopting adopted: [(key: PodKey, pod: any PodHandle)]) async throws(BerthError) {
    for entry in adopted { workers.insert(PodWorker(key: entry.key, services: services, pod: entry.pod)) }
    try directory.start(known: try memory.all())
    // Pods whose manifest is gone, too, must be looked at.
    for entry in adopted { workers.worker(entry.key)?.mark(desired.entry(entry.key) ?? DesiredEntry()) }
  }

  /// A pod's shim had something to say, or is gone.
  public func mark(_ key: PodKey) { workers.worker(key)?.mark() }

  /// Reads the directory again; with `prune`, lets held removals take effect.
  public func rescan(prune: Bool) async { await directory.rescan(prune: prune) }

  /// The plan of every pod that has something to do, by pod.
  public func plans() async -> [(key: PodKey, plan: PodPlan)] {
    var plans: [(PodKey, PodPlan)] = []
    for worker in workers.all() {
      let plan = await worker.currentPlan()
      if !plan.actions.isEmpty { plans.append((worker.key, plan)) }
    }
    return plans
  }

  /// What would be done if `entry` were in the directory.
  public func plan(for key: PodKey, entry: DesiredEntry) async -> PodPlan {
    let worker = workers.worker(key) ?? PodWorker(key: key, services: services)
    return await worker.currentPlan(for: entry)
  }

  /// Stops and removes every pod; manifests are not followed any more. Returns once nothing is left, or throws `.deadlineExceeded`.
  public func stopAllPods(timeout: Duration) async throws(BerthError) {
    isShuttingDown.store(true, ordering: .sequentiallyConsistent)
    memory.freeze()
    for worker in workers.all() { worker.mark(DesiredEntry()) }
    let done = await Waiting.until(statuses, timeout: timeout) { self.workers.all().allSatisfy { !$0.isActive } }
    guard done else {
      let left = workers.all().filter(\.isActive).map { "\($0.key)" }
      throw BerthError(.deadlineExceeded, "stop all pods", cause: "still there: \(left.joined(separator: ", "))")
    }
  }

  private func apply(_ update: ManifestDirectory.Update) {
    if let warning = update.warning, warning != desired.warning {
      events.record("DirectoryWarning", warning, severity: .warning)
    }
    desired.apply(update)
    if isShuttingDown.load(ordering: .sequentiallyConsistent) { return }
    for (key, entry) in update.entries {
      // Twice only if the worker retires in between.
      while !workers.insert(PodWorker(key: key, services: services)).mark(entry) {}
    }
  }
}

/// Lets the directory be made before the node that reads from it.
private final class Inbox: Sendable {
  private let handler = Mutex<(@Sendable (ManifestDirectory.Update) -> Void)?>(nil)
  func connect(_ handler: @escaping @Sendable (ManifestDirectory.Update) -> Void) { self.handler.withLock { $0 = handler } }
  func deliver(_ update: ManifestDirectory.Update) { handler.withLock { $0 }?(update) }
}

/// The workers by pod.
final class WorkerTable: Sendable {
  private let workers = Mutex<[PodKey: PodWorker]>([:])

  func worker(_ key: PodKey) -> PodWorker? { workers.withLock { $0[key] } }
  func all() -> [PodWorker] { workers.withLock { $0.values.sorted { $0.key < $1.key } } }
  /// Returns the one that was there already, if any.
  @discardableResult func insert(_ worker: PodWorker) -> PodWorker {
    workers.withLock { workers in
      if let there = workers[worker.key], there.isActive { return there }
      workers[worker.key] = worker
      return worker
    }
  }
  func remove(_ worker: PodWorker) {
    workers.withLock { workers in if workers[worker.key] === worker { workers[worker.key] = nil } }
  }
}
