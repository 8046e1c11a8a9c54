import BerthCore
import BerthImages
import BerthLinux
import BerthManifest
import BerthNode
import BerthPods
import BerthServer
import Synchronization

/// Puts the parts together, in the order in which each needs the one before.
final class Daemon: Sendable {
  private let configuration: NodeConfiguration
  private let log: Log
  private let node: Node
  private let manager: PodManager
  private let images: ImageService
  private let lock: DaemonLock
  private let end: BlockingQueue<Int32>

  /// `end`: whoever pushes an exit code ends `run`.
  init(configuration: NodeConfiguration, log: Log, end: BlockingQueue<Int32>) async throws(BerthError) {
    self.configuration = configuration
    self.end = end
    self.log = log
    try Self.prepareFolders(configuration)
    lock = try DaemonLock(root: configuration.root, state: configuration.state)
    let marks = MarkBoard()
    images = try Self.images(configuration)
    try Self.restore(images, log)
    manager = try Self.podManager(
      configuration, images: images, report: { [log] in log.logger.warning("\($0); shims may share the fate of berthd's cgroup") },
      changed: { marks.mark($0) })
    var options = Node.Options(
      directory: Self.directoryOptions(configuration), schedules: "\(configuration.root)/schedules",
      parallelPulls: configuration.images.maxConcurrentDownloads)
    options.labels = configuration.node.labels
    options.standardNetwork = PodNetwork(word: configuration.network.standard)
    options.needsApproval = configuration.manifests.mode == .manual
    node = try Node(
      options: options, pods: manager, images: images, lastGood: images.metadata, handMade: images.metadata)
    marks.connect(node)
  }

  /// Until somebody ends it. Returns the exit code.
  func run() async throws(BerthError) -> Int32 {
    let api = NodeAPI(
      node: node, images: images, networks: manager.context.networks, volumes: VolumeStore(Self.paths(configuration)), info: info)
    let server = try await APIServer(
      address: configuration.api.address, gid: configuration.api.gid, router: api.router(),
      audit: { [log] peer, request in log.audit(peer, request) })
    // Whoever connects meanwhile is answered when the pods of an earlier daemon have been found: none is ever missing, or shown without its facts.
    let start = Task { () -> Result<Void, BerthError> in
      do throws(BerthError) { return .success(try await startNode()) } catch { return .failure(error) }
    }
    var serving = [
      Task {
        _ = await start.value
        await server.run()
      }
    ]
    if let address = configuration.metrics.address.flatMap({ LoopbackAddress($0) }) {
      let figures = try await APIServer(loopback: address, router: api.metricsRouter())
      serving.append(Task { await figures.run() })
    }
    followEvents()
    try await start.value.get()
    ImageKeeper(
      images: images, events: node.events, settings: configuration.images,
      arrived: { [node] in for pod in node.statuses.all() { node.mark(pod.key) } }
    ).start()
    if let reason = images.snapshotter.reason {
      node.events.record(
        "CopyingImages", "every container gets a copy of its image's files, which takes time and room: \(reason)", severity: .warning)
    }
    log.logger.info("ready: \(configuration.manifests.path) is followed, API on \(configuration.api.address)")
    Task {
      await firstConvergence()
      ServiceManager.notify("READY=1")
    }
    feedWatchdog()
    let code = await withCheckedContinuation { continuation in
      Threads.start("end") { [end] in continuation.resume(returning: end.pop()) }
    }
    ServiceManager.notify("STOPPING=1")
    for task in serving { task.cancel() }
    node.flush()
    settleImages()
    await manager.removeUnused()
    log.logger.info("stopped; pods that run go on")
    return code
  }

  /// What waits for this unit finds its pods running: until each has been brought to where its manifest wants it, or can't be now. A service
  /// manager isn't kept waiting for a long pull: half a minute at most.
  private func firstConvergence() async {
    _ = await Waiting.until(node.statuses, atRest: true, timeout: .seconds(30)) { [node] in node.isAtRest && node.hasSettled }
  }

  /// SIGHUP: takes over what can be taken over, says what can't, and keeps what is in force where the new file has an error.
  func reload(_ load: () throws(BerthError) -> NodeConfiguration) {
    ServiceManager.notify("RELOADING=1\nMONOTONIC_USEC=\(Clock.monotonicMicroseconds())")
    defer { ServiceManager.notify("READY=1") }
    do throws(BerthError) {
      let new = try load()
      let change = ConfigurationChange(from: configuration, to: new)
      images.use(new.registryConfiguration)
      node.events.record("Reloaded", change.description, severity: change.needsRestart.isEmpty ? .normal : .warning)
    } catch {
      node.events.record("ReloadFailed", "\(error); what was in force stays", severity: .warning)
    }
  }

  /// One convergence. 0 if every pod is as its manifest asks.
  func runOnce() async throws(BerthError) -> Int32 {
    followEvents()
    try await startNode()
    // Pods whose manifests went while no daemon ran go, too.
    await node.rescan(prune: false, settled: true)
    _ = await Waiting.until(node.statuses, atRest: true, timeout: nil) { [node] in
      node.isAtRest && node.hasSettled
    }
    node.flush()
    settleImages()
    let open = node.statuses.all().filter { !$0.converged || !$0.diagnostics.isEmpty }
    for pod in open { log.logger.warning("not converged: \(pod.reason) \(pod.message)", metadata: ["pod": "\(pod.key)"]) }
    return open.isEmpty && node.desired.warning == nil ? 0 : 1
  }

  /// What was pulled last outlives a power cut as it is; else it would be unpacked again.
  private func settleImages() {
    do throws(BerthError) { try images.settle() } catch { log.logger.warning("\(error)") }
  }

  private func startNode() async throws(BerthError) {
    let adopted = try await manager.adopt(ended: { (found) throws(BerthError) in try node.ended(besides: found) }) { [log] in
      log.logger.warning("\($0)")
    }
    if !adopted.isEmpty { log.logger.info("found \(adopted.count) pods of an earlier daemon") }
    try await node.start(adopting: adopted.map { ($0.key, Instances(current: $0.current, successor: $0.successor, leaving: $0.leaving)) })
  }

  private func followEvents() {
    let (past, coming) = node.events.follow()
    for event in past { log.write(event) }
    Task { [log] in for await event in coming { log.write(event) } }
  }

  /// A sign of life twice in each interval, through the engine's own threads: where those hang, it stays out.
  private func feedWatchdog() {
    guard let interval = ServiceManager.watchdogInterval else { return }
    Task { [node] in
      while !Task.isCancelled {
        await withCheckedContinuation { done in Timers.shared.wake(after: interval / 2) { done.resume() } }
        _ = await node.plans()
        ServiceManager.notify("WATCHDOG=1")
      }
    }
  }

  private var info: DaemonInfo {
    DaemonInfo(
      version: BerthVersion.text, nodeName: configuration.node.name, manifests: configuration.manifests.path,
      snapshotter: images.snapshotter, end: { [end] in end.push(0) })
  }
}

/// Lets pods be marked by shims that are connected before the engine stands.
private final class MarkBoard: Sendable {
  private let node = Mutex<Node?>(nil)
  func connect(_ node: Node) { self.node.withLock { $0 = node } }
  func mark(_ key: PodKey) { node.withLock { $0 }?.mark(key) }
}
