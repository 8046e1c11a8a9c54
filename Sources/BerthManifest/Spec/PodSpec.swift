import BerthCore

/// What a manifest asks for: one pod, every default filled in. A value: no file, no image, no node in it.
/// Keys, defaults and meanings: docs/manifest.md.
public struct PodSpec: Hashable, Sendable {
  public var key: PodKey
  public var labels: [String: String] = [:]
  public var annotations: [String: String] = [:]
  public var restartPolicy: RestartPolicy = .always
  public var restartBackoff = RestartBackoff()
  /// From the stop signal to SIGKILL.
  public var terminationGracePeriod: Duration = .seconds(30)
  public var network: PodNetwork = .standard
  public var hostname: String
  /// Extra lines of /etc/hosts: address to names.
  public var hosts: [String: [String]] = [:]
  public var dns: DNSConfig?
  /// Of the pod's network and IPC namespaces: name to value.
  public var sysctls: [String: String] = [:]
  /// Limits of the whole pod: its cgroup stands above its containers'.
  public var resources = Resources()
  /// Size of the /dev/shm that the pod's containers share.
  public var shmSize = ByteSize(bytes: 64 << 20)
  public var hostPID = false
  public var hostIPC = false
  /// The containers see and can signal each other's processes.
  public var sharesProcesses = false
  public var userNamespace: UserNamespace = .none
  /// Group of the volumes that the pod owns, and of every container.
  public var fsGroup: UInt32?
  /// Extra groups of every container.
  public var supplementalGroups: [UInt32] = []
  /// Run only where the node's labels have all of these.
  public var nodeSelector: [String: String] = [:]
  /// Keep the manifest, run nothing.
  public var suspend = false
  /// Held at every start of a container.
  public var dependsOn: [DependencySpec] = []
  /// Makes it a job that runs at these times.
  public var schedule: ScheduleSpec?
  /// From the pod's start until it is failed.
  public var activeDeadline: Duration?
  /// From the end of the last container until they are removed.
  public var ttlAfterFinished: Duration?
  public var onDrift: DriftPolicy = .repair
  public var update = UpdateSpec()
  public var initContainers: [ContainerSpec] = []
  public var containers: [ContainerSpec] = []
  public var volumes: [VolumeSpec] = []

  public init(key: PodKey) {
    self.key = key
    hostname = key.name
  }
}

public enum RestartPolicy: String, Sendable, CaseIterable {
  case always
  case onFailure = "on-failure"
  case never
}

/// The first restart is immediate, then `initial`, doubling up to `max`; a run of `resetAfter` starts the sequence over.
public struct RestartBackoff: Hashable, Sendable {
  public var initial: Duration = .seconds(10)
  public var max: Duration = .seconds(300)
  public var resetAfter: Duration = .seconds(600)
  public init() {}
}

public struct DNSConfig: Hashable, Sendable {
  public var servers: [String] = []
  public var searches: [String] = []
  public var options: [String] = []
  public init() {}
}

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

/// Limits of a container or a pod; nil means unlimited (but for `pids` of a container, whose default is 4096).
public struct Resources: Hashable, Sendable {
  /// Thousandths of a core.
  public var cpuMillicores: Int64?
  public var memory: ByteSize?
  /// Swap on top of `memory`.
  public var memorySwap: ByteSize?
  public var pids: Int64?
  /// cgroup v2's 1 to 10,000 (default 100); converted to shares on v1.
  public var cpuWeight: Int64?
  public var cpusetCpus: String?
  public var ioWeight: Int64?
  /// By page size in bytes.
  public var hugepages: [Int64: ByteSize] = [:]
  public init() {}
}

public struct SecuritySpec: Hashable, Sendable {
  public enum Seccomp: Hashable, Sendable {
    case `default`
    case unconfined
    /// A profile in Docker's JSON format on the node.
    case file(ContentFile)
  }
  public var privileged = false
  public var readOnlyRootFilesystem = false
  public var runAsNonRoot = false
  public var noNewPrivileges = true
  /// On top of Docker's default 14, without `CAP_`; `ALL` is known.
  public var addCapabilities: [String] = []
  public var dropCapabilities: [String] = []
  public var seccomp: Seccomp = .default
  /// A profile that is loaded on the node, or `unconfined`; nil keeps the default.
  public var apparmor: String?
  /// nil keeps the default list (hardening checklist).
  public var maskedPaths: [String]?
  public var readonlyPaths: [String]?
  public init() {}
}

/// `UInt64.max` means no limit.
public struct Rlimit: Hashable, Sendable {
  public var soft: UInt64
  public var hard: UInt64
  public init(soft: UInt64, hard: UInt64) {
    self.soft = soft
    self.hard = hard
  }
}

public struct LogSpec: Hashable, Sendable {
  public var maxSize = ByteSize(bytes: 10 << 20)
  public var maxFiles: Int64 = 5
  public init() {}
}

public struct VolumeSpec: Hashable, Sendable {
  public var name: String
  public var source: VolumeSource
  /// `uid:gid` of the volume's root and generated files.
  public var owner: VolumeOwner?
  /// Permission bits of the volume's root (directories) or of its files (config).
  public var mode: UInt32?
  public init(name: String, source: VolumeSource) {
    self.name = name
    self.source = source
  }
}

public struct VolumeOwner: Hashable, Sendable {
  public var uid: UInt32
  public var gid: UInt32
  public init(uid: UInt32, gid: UInt32) {
    self.uid = uid
    self.gid = gid
  }
}

public enum VolumeSource: Hashable, Sendable {
  public enum HostPathType: String, Sendable, CaseIterable {
    /// No check.
    case unchecked = ""
    case directory, file, socket
    case directoryOrCreate = "directory-or-create"
    case fileOrCreate = "file-or-create"
    case charDevice = "char-device"
    case blockDevice = "block-device"
  }
  case hostPath(path: String, type: HostPathType)
  /// `inMemory`: a tmpfs, of `size` where given.
  case emptyDir(inMemory: Bool, size: ByteSize?)
  /// Outlives the pod. `shared` names one that pods of the namespace share; nil is the pod's own.
  case persistent(shared: String?)
  case config(FileSet)
  /// As `config`, but in memory alone, and never shown.
  case secret(FileSet)
  /// An image's files, read-only.
  case image(reference: String, pullPolicy: ImagePullPolicy)

  public var isSecret: Bool { if case .secret = self { true } else { false } }

  /// The files of a config or secret volume.
  public var fileSet: FileSet? {
    switch self {
    case .config(let set), .secret(let set): set
    default: nil
    }
  }
}
