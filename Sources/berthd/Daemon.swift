import BerthCore
import BerthImages
import BerthLinux
import BerthManifest
import BerthNetwork
import BerthNode
import BerthPods
import BerthRuntime
import BerthServer
import Synchronization

/// Puts the parts together, in the order in which each needs the one before.
final class Daemon: Sendable {
  private let configuration: NodeConfiguration
  private let log: Log
  private let node: Node
  private let manager: PodManager
  private let images: ImageService
  private let lock: FileLock
  private let end: BlockingQueue<Int32>

  /// `end`: whoever pushes an exit code ends `run`.
  init(configuration: NodeConfiguration, log: Log, end: BlockingQueue<Int32>) async throws(BerthError) {
    self.configuration = configuration
    self.end = end
    self.log = log
    try Self.prepareFolders(configuration)
    lock = try Self.lock(configuration)
    let marks = MarkBoard()
    images = try Self.images(configuration)
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
    await manager.removeUnused()
    log.logger.info("stopped; pods that run go on")
    return code
  }

  /// What waits for this unit finds its pods running: until each has been brought to where its manifest wants it, or can't be now. A service
  /// manager isn't kept waiting for a long pull: half a minute at most.
  private func firstConvergence() async {
    _ = await Waiting.until(node.statuses, timeout: .seconds(30)) { [node] in node.isAtRest && node.hasSettled }
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
    _ = await Waiting.until(node.statuses, timeout: nil) { [node] in
      node.isAtRest && node.hasSettled
    }
    node.flush()
    let open = node.statuses.all().filter { !$0.converged || !$0.diagnostics.isEmpty }
    for pod in open { log.logger.warning("not converged: \(pod.reason) \(pod.message)", metadata: ["pod": "\(pod.key)"]) }
    return open.isEmpty && node.desired.warning == nil ? 0 : 1
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

  // MARK: parts

  private static func prepareFolders(_ configuration: NodeConfiguration) throws(BerthError) {
    for (path, mode) in [
      (configuration.root, 0o700), (configuration.state, 0o711), (paths(configuration).pods, 0o700), (paths(configuration).logs, 0o700),
    ] {
      do throws(Errno) {
        try Files.makeDirectories(path, mode: UInt32(mode))
        try Files.setMode(path, UInt32(mode))
      } catch {
        let hint = error == .accessDenied || error == .notPermitted ? "; berthd needs root" : ""
        throw BerthError(.permissionDenied, "prepare folder", path, cause: "\(error)\(hint)")
      }
    }
  }

  /// `patience`: how long a daemon that holds it is waited for. One that was killed may hold it a moment longer: a program that it was just
  /// starting has its descriptors until it executes.
  private static func lock(_ configuration: NodeConfiguration, patience: Duration = .zero) throws(BerthError) -> FileLock {
    let path = "\(configuration.root)/lock"
    let begin = Clock.bootNanoseconds()
    var owner: Substring = "?"
    do throws(Errno) {
      while true {
        if let lock = try FileLock(path) { return lock }
        owner = (try? Files.readText(path))?.prefix { $0 != "\n" } ?? "?"
        let isDead = !Files.exists("/proc/\(owner)")
        guard Clock.bootNanoseconds() - begin < max(patience, isDead ? .seconds(2) : .zero).nanoseconds else { break }
        Clock.pause(.milliseconds(10))
      }
    } catch { throw BerthError(.unavailable, "lock root", path, cause: "\(error)") }
    throw BerthError(
      .failedPrecondition, "lock root", configuration.root,
      cause: "another berthd (pid \(owner)) keeps this root; stop it, or name another with --root, --state and --address")
  }

  static func paths(_ configuration: NodeConfiguration) -> NodePaths {
    NodePaths(root: configuration.root, state: configuration.state, logs: configuration.logsPath)
  }

  private static func images(_ configuration: NodeConfiguration) throws(BerthError) -> ImageService {
    try ImageService(
      root: configuration.root, workerPath: try Programs.path("berth-worker"), registry: configuration.registryConfiguration,
      snapshotter: configuration.snapshotter)
  }

  private static func podManager(
    _ configuration: NodeConfiguration, images: ImageService, report: @escaping @Sendable (BerthError) -> Void,
    changed: @escaping @Sendable (PodKey) -> Void
  ) throws(BerthError) -> PodManager {
    let instance = InstanceID.of(root: configuration.root)
    let cgroups = "\(configuration.runtime.cgroupParent)-\(instance)"
    let home = ShimHome(parent: cgroups, daemon: try CgroupMembership.own(), report: report)
    return PodManager(
      context: PodContext(
        paths: paths(configuration), images: images,
        networks: try NetworkService(networkOptions(configuration, instance: instance)), shims: try ShimMonitor(home: home),
        shimPath: try Programs.path("berth-shim"),
        layout: try CgroupLayout.detect(), cgroupParent: cgroups,
        seccomp: try SeccompFilters(directory: paths(configuration).seccompCache, profile: configuration.runtime.seccompProfile),
        cpus: Kernel.configuredCPUs, nodeName: configuration.node.name, changed: changed))
  }

  private static func networkOptions(_ configuration: NodeConfiguration, instance: String) -> NetworkOptions {
    let network = configuration.network
    var options = NetworkOptions(
      instance: instance, root: configuration.root, state: configuration.state, pluginDirectories: network.pluginDirs,
      configDirectory: network.configDir, standard: PodNetwork(word: network.standard),
      subnets: network.subnets.compactMap { IPPrefix($0) })
    options.pluginTimeout = network.pluginTimeout
    return options
  }

  private static func directoryOptions(_ configuration: NodeConfiguration) -> ManifestDirectory.Options {
    let manifests = configuration.manifests
    return ManifestDirectory.Options(
      path: manifests.path, owner: manifests.owner, resyncInterval: manifests.resyncInterval, removalDelay: manifests.removalDelay,
      pruneGuard: DirectoryModel.PruneGuard(pods: manifests.pruneGuard.pods, percent: manifests.pruneGuard.percent))
  }

  /// `berthd teardown`: what couldn't be removed.
  static func tearDown(_ configuration: NodeConfiguration) async throws(BerthError) -> [BerthError] {
    guard Files.exists(configuration.root) else { return [] }
    // One that was just told to shut down has answered before it ends.
    let lock = try lock(configuration, patience: .seconds(5))
    let failures = await (try podManager(configuration, images: try images(configuration), report: { _ in }, changed: { _ in })).tearDown()
    // Held up to here.
    _ = consume lock
    return failures
  }
}

/// Lets pods be marked by shims that are connected before the engine stands.
private final class MarkBoard: Sendable {
  private let node = Mutex<Node?>(nil)
  func connect(_ node: Node) { self.node.withLock { $0 = node } }
  func mark(_ key: PodKey) { node.withLock { $0 }?.mark(key) }
}

/// Where the other programs lie: beside this one, or in `../libexec/berth`.
enum Programs {
  static func path(_ name: String) throws(BerthError) -> String {
    let own = (try? Files.readLink("/proc/self/exe")) ?? ""
    let folder = Files.parent(of: own)
    for candidate in ["\(folder)/\(name)", "\(Files.parent(of: folder))/libexec/berth/\(name)"] where Files.exists(candidate) {
      return candidate
    }
    throw BerthError(.notFound, "find program", name, cause: "it is neither beside berthd in \(folder) nor in ../libexec/berth")
  }
}
