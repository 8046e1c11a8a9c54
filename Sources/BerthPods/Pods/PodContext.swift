import BerthCore
import BerthImages
import BerthLinux
import BerthManifest
import BerthNetwork
import BerthRuntime
import BerthSeccomp

/// What every pod of a daemon shares: paths, image service, shims, facts of the node.
public struct PodContext: Sendable {
  public var paths: NodePaths
  public var images: ImageService
  public var networks: NetworkService
  public var shims: ShimMonitor
  public var shimPath: String
  public var layout: CgroupLayout
  /// Every pod's cgroup lies in it: `[runtime] cgroup_parent` and the instance id.
  public var cgroupParent: String
  public var seccomp: SeccompFilters
  public var cpus: Int
  public var nodeName: String
  /// A pod's shim reported something, or is gone.
  public var changed: @Sendable (PodKey) -> Void

  public init(
    paths: NodePaths, images: ImageService, networks: NetworkService, shims: ShimMonitor, shimPath: String, layout: CgroupLayout,
    cgroupParent: String,
    seccomp: SeccompFilters, cpus: Int, nodeName: String, changed: @escaping @Sendable (PodKey) -> Void
  ) {
    self.paths = paths
    self.images = images
    self.networks = networks
    self.shims = shims
    self.shimPath = shimPath
    self.layout = layout
    self.cgroupParent = cgroupParent
    self.seccomp = seccomp
    self.cpus = cpus
    self.nodeName = nodeName
    self.changed = changed
  }

  func podCgroup(_ uid: String) -> String { "\(cgroupParent)/\(uid)" }
  func containerCgroup(_ uid: String, _ container: String) -> String { "\(cgroupParent)/\(uid)/\(container)" }

  /// Throws `.bug` for a path that no cgroup can have.
  func cgroup(_ path: String) throws(BerthError) -> Cgroup {
    guard let cgroup = Cgroup(path, in: layout) else { throw BerthError(.bug, "find cgroup", path, cause: "not a cgroup path") }
    return cgroup
  }
}

/// Tells daemons with different roots apart in everything that the node shares.
public enum InstanceID {
  /// Eight hexadecimal digits from the resolved path of the root.
  public static func of(root: String) -> String {
    let resolved = (try? Files.realPath(root)) ?? root
    return String(SHA256.hexDigest(Array(resolved.utf8)).prefix(8))
  }
}
