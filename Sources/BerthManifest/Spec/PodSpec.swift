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
