import BerthCore
import BerthImages
import BerthLinux
import BerthManifest

/// What config.toml says, every default filled in and every path absolute. Keys, defaults and units: `ConfigurationSchema`.
public struct NodeConfiguration: Sendable, Hashable {
  /// Of the file's format.
  public var version: Int64 = 1
  /// What survives a reboot: content, snapshots, records, volumes.
  public var root = "/var/lib/berth"
  /// What a reboot may lose: sockets, bundles.
  public var state = "/run/berth"
  public var node = Node()
  public var manifests = Manifests()
  public var api = API()
  public var runtime = Runtime()
  public var images = Images()
  public var registry = Registry()
  public var logs = Logs()
  public var network = Network()
  public var metrics = Metrics()
  /// How containers get their file systems.
  public var snapshotter = Snapshotter.Choice.automatic

  public init() {}

  /// What pulls need of it.
  public var registryConfiguration: RegistryConfiguration {
    var configuration = RegistryConfiguration(
      insecure: Set(registry.insecure),
      credentials: registry.auth.mapValues { RegistryConfiguration.Credential(username: $0.username, password: $0.password) },
      concurrentDownloads: images.maxConcurrentDownloads)
    configuration.hostsDirectory = registry.configPath
    configuration.mirrors = registry.mirrors
    configuration.authFile = registry.authFile
    configuration.trust.policies = registry.policies
    configuration.trust.openToArchives = registry.openToArchives
    configuration.trust.verifiers = registry.verifierDirectory
    configuration.trust.verifierTimeout = registry.verifierTimeout
    configuration.trust.verifierLimit = registry.maxVerifiers
    configuration.proxy = ProxySettings(environment: ProcessEnvironment.value)
    return configuration
  }

  /// Where containers' logs are.
  public var logsPath: String { logs.path ?? root + "/logs" }

  public struct Node: Sendable, Hashable {
    /// By default the machine's host name.
    public var name = Kernel.hostname()
    /// What `node_selector` is held against.
    public var labels: [String: String] = [:]
  }

  public struct Manifests: Sendable, Hashable {
    /// The watched directory.
    public var path = "/etc/berth/manifests"
    /// Who may own it and its files beside root.
    public var owner: UInt32 = 0
    /// Between two rescans that no event asked for.
    public var resyncInterval: Duration = .seconds(60)
    /// How long a file must be gone before its pod is stopped.
    public var removalDelay: Duration = .seconds(1)
    public var pruneGuard = PruneGuard()
    public var mode = Mode.automatic
  }

  /// What becomes of a changed directory.
  public enum Mode: String, Sendable, CaseIterable {
    /// The pods follow at once.
    case automatic = "auto"
    /// The plan waits for `berth apply --plan`.
    case manual
  }

  /// A scan that would remove this many pods and more than this share of all is held for a confirmation.
  public struct PruneGuard: Sendable, Hashable {
    public var pods: Int = 3
    public var percent: Int = 50
  }

  public struct API: Sendable, Hashable {
    /// Of the unix socket.
    public var address = "/run/berth/berth.sock"
    /// Whose members may use the socket; nil: root alone.
    public var gid: UInt32?
  }

  public struct Runtime: Sendable, Hashable {
    /// Above all pods' cgroups, in every hierarchy.
    public var cgroupParent = "/berth"
    /// A profile in Docker's JSON format that stands for `seccomp = "default"`; nil: the built-in one.
    public var seccompProfile: String?
  }

  public struct Images: Sendable, Hashable {
    /// See `PullLine`; also layers of one pull at a time, and images read from files.
    public var maxConcurrentDownloads = 3
    /// When images are removed to make room.
    public var gc = CollectionPolicy()
    /// A directory of archives that are imported at start; nil: none.
    public var bundles: String?
  }

  public struct Registry: Sendable, Hashable {
    /// `host[:port]` of registries that are spoken to over plain HTTP; loopback ones always may be.
    public var insecure: [String] = []
    /// containerd's layout: a directory a registry, each with a `hosts.toml`.
    public var configPath = "/etc/berth/certs.d"
    /// By `host[:port]` or `*`: URLs.
    public var mirrors: [String: [String]] = [:]
    /// By `host`, `host/repository` or the beginning of one, and `*`: files with public keys.
    public var policies: [String: [String]] = [:]
    /// Names of those policies that archives may give names of.
    public var openToArchives: Set<String> = []
    /// Programs that are asked about every image.
    public var verifierDirectory: String?
    public var verifierTimeout: Duration = .seconds(10)
    public var maxVerifiers = 10
    /// A Docker config.json.
    public var authFile = "/etc/berth/auth.json"
    /// By `host[:port]`.
    public var auth: [String: Credential] = [:]
  }

  public struct Credential: Sendable, Hashable {
    public var username: String
    /// Never printed: `dump` leaves it out.
    public var password: String
  }

  public struct Network: Sendable, Hashable {
    /// Of pods whose manifest names none: `bridge`, `host`, `none` or a CNI network's name.
    public var standard = "bridge"
    /// Of the network `bridge`; empty: chosen.
    public var subnets: [String] = []
    public var configDir = "/etc/cni/net.d"
    public var pluginDirs = ["/opt/cni/bin", "/usr/lib/cni"]
    public var pluginTimeout: Duration = .seconds(60)
  }

  public struct Metrics: Sendable, Hashable {
    /// As `LoopbackAddress` reads it; nil: the API's socket alone.
    public var address: String?
  }

  public struct Logs: Sendable, Hashable {
    /// nil: `logs` under the root.
    public var path: String?
  }
}
