import BerthCore

public struct ContainerSpec: Hashable, Sendable {
  /// Of `resources.pids`, so that no container can exhaust the node's process ids.
  public static let defaultPids: Int64 = 4096

  public var name: String
  /// As the manifest writes it, relative paths resolved: a reference, or `oci:`, `oci-archive:`, `docker-archive:`, `rootfs:` and a path.
  public var image: String
  /// `never` for the local transports, which are read where they are.
  public var imagePullPolicy: ImagePullPolicy
  /// nil keeps the image's ENTRYPOINT; set, it drops the image's CMD too (Kubernetes' meaning).
  public var command: [String]?
  /// nil keeps the image's CMD.
  public var args: [String]?
  public var workingDir: String?
  /// `uid`, `uid:gid` or names in the image.
  public var user: String?
  public var stopSignal: String?
  /// Whether it has a terminal, in place of its three streams.
  public var tty = false
  /// Whether its standard input stays open for `berth attach`; without it, it is /dev/null.
  public var stdin = false
  /// Whether process 1 is an init that reaps orphans and passes signals on to the command.
  public var hasInit = false
  public var env: [String: EnvValue] = [:]
  /// Read in this order, later ones win; `env` wins over all of them.
  public var envFiles: [ContentFile] = []
  public var ports: [PortSpec] = []
  public var mounts: [MountSpec] = []
  public var devices: [DeviceSpec] = []
  public var resources = Resources()
  public var security = SecuritySpec()
  public var rlimits: [String: Rlimit] = [:]
  public var log = LogSpec()
  /// Probes and hooks.
  public var lifecycle = LifecycleSpec()
  /// An init container that goes on beside the containers.
  public var isSidecar = false

  public init(name: String, image: String, imagePullPolicy: ImagePullPolicy) {
    self.name = name
    self.image = image
    self.imagePullPolicy = imagePullPolicy
  }
}

public enum ImagePullPolicy: String, Sendable, CaseIterable {
  case always
  case ifNotPresent = "if-not-present"
  case never
}

/// A port that a container declares: published where `host` is set, but with `network = "host"` or `"none"`.
public struct PortSpec: Hashable, Sendable {
  public enum TransportProtocol: String, Sendable, CaseIterable { case tcp, udp, sctp }
  public var container: UInt16
  public var host: UInt16?
  public var hostIP: String?
  public var transport: TransportProtocol = .tcp
  public var name: String?
  public init(container: UInt16) { self.container = container }
}

public struct MountSpec: Hashable, Sendable {
  public enum Propagation: String, Sendable, CaseIterable {
    case `private`
    case hostToContainer = "host-to-container"
    case bidirectional
  }
  public var volume: String
  /// Absolute, in the container.
  public var path: String
  public var readOnly = false
  /// A path inside the volume, relative and without `..`.
  public var subPath: String?
  public var propagation: Propagation = .private
  public init(volume: String, path: String) {
    self.volume = volume
    self.path = path
  }
}
