import BerthCore
import BerthImages
import BerthLinux
import BerthManifest
import BerthNetwork
import BerthNode
import BerthPods
import BerthRuntime

/// The parts, each from the configuration.
extension Daemon {
  static func prepareFolders(_ configuration: NodeConfiguration) throws(BerthError) {
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

  static func paths(_ configuration: NodeConfiguration) -> NodePaths {
    NodePaths(root: configuration.root, state: configuration.state, logs: configuration.logsPath)
  }

  static func images(_ configuration: NodeConfiguration) throws(BerthError) -> ImageService {
    try ImageService(
      root: configuration.root, workerPath: try Programs.path("berth-worker"), registry: configuration.registryConfiguration,
      snapshotter: configuration.snapshotter)
  }

  /// Images whose files were not all on the disk when the node went down. Before any pod looks for them.
  static func restore(_ images: ImageService, _ log: Log) throws(BerthError) {
    for record in try images.restorable() {
      // A service manager counts this as starting, and it takes as long as the image is large.
      ServiceManager.notify("EXTEND_TIMEOUT_USEC=\(restorationLimit)")
      do throws(BerthError) {
        guard try images.restore(record) else { continue }
        log.logger.warning("image \(record.reference) was unpacked again from its blobs: not all of its files were on the disk")
      } catch { log.logger.warning("image \(record.reference) has to be pulled again: \(error)") }
    }
  }

  /// Of one image, in microseconds.
  private static let restorationLimit = 600_000_000

  static func podManager(
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

  static func networkOptions(_ configuration: NodeConfiguration, instance: String) -> NetworkOptions {
    let network = configuration.network
    var options = NetworkOptions(
      instance: instance, root: configuration.root, state: configuration.state, pluginDirectories: network.pluginDirs,
      configDirectory: network.configDir, standard: PodNetwork(word: network.standard),
      subnets: network.subnets.compactMap { IPPrefix($0) })
    options.pluginTimeout = network.pluginTimeout
    return options
  }

  static func directoryOptions(_ configuration: NodeConfiguration) -> ManifestDirectory.Options {
    let manifests = configuration.manifests
    return ManifestDirectory.Options(
      path: manifests.path, owner: manifests.owner, resyncInterval: manifests.resyncInterval, removalDelay: manifests.removalDelay,
      pruneGuard: DirectoryModel.PruneGuard(pods: manifests.pruneGuard.pods, percent: manifests.pruneGuard.percent))
  }

  /// `berthd teardown`: what couldn't be removed.
  static func tearDown(_ configuration: NodeConfiguration) async throws(BerthError) -> [BerthError] {
    guard Files.exists(configuration.root) else {
      StandardError.write("berthd: there is no \(configuration.root), so nothing to tear down\n")
      return []
    }
    // One that was just told to shut down has answered before it ends.
    let lock = try DaemonLock(root: configuration.root, state: configuration.state, patience: .seconds(5))
    let failures = await (try podManager(configuration, images: try images(configuration), report: { _ in }, changed: { _ in })).tearDown()
    // Held up to here.
    _ = consume lock
    return failures
  }
}
