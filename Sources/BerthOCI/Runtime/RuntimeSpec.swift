/// A container's `config.json`. Source: OCI runtime-spec 1.3.0 config.md, config-linux.md; older 1.x documents decode too.
///
/// Properties that the specification names and this type has no member for are listed in `notModelled`, so that a runtime can refuse
/// what it would otherwise leave out; properties that no version of the specification names are ignored, as it demands.
public struct RuntimeSpec: Sendable, Hashable {
  public var ociVersion = "1.3.0"
  public var process: Process?
  public var root: Root?
  public var hostname: String?
  public var domainname: String?
  /// In the order in which they are mounted.
  public var mounts: [Mount] = []
  public var hooks = Hooks()
  public var annotations: [String: String] = [:]
  public var linux: Linux?
  /// JSON paths of members that the specification defines and this type doesn't hold, such as `linux.intelRdt`.
  public var notModelled: [String] = []

  public init() {}

  /// What is run. Source: config.md "Process".
  public struct Process: Sendable, Hashable {
    public var terminal = false
    public var consoleSize: ConsoleSize?
    public var user = User()
    /// Never empty once decoded.
    public var args: [String]
    /// `NAME=value`.
    public var env: [String] = []
    /// Absolute.
    public var cwd: String
    public var capabilities: Capabilities?
    public var rlimits: [Rlimit] = []
    public var noNewPrivileges = false
    public var oomScoreAdj: Int32?
    public var apparmorProfile: String?
    public var selinuxLabel: String?
    public var scheduler: Scheduler?
    public var ioPriority: IOPriority?
    public var execCPUAffinity: ExecCPUAffinity?

    public init(args: [String], cwd: String = "/") {
      self.args = args
      self.cwd = cwd
    }
  }

  /// In character cells.
  public struct ConsoleSize: Sendable, Hashable {
    public var height: UInt16
    public var width: UInt16
    public init(height: UInt16, width: UInt16) {
      self.height = height
      self.width = width
    }
  }

  /// Source: config.md "POSIX-platform User".
  public struct User: Sendable, Hashable {
    public var uid: UInt32 = 0
    public var gid: UInt32 = 0
    /// Permission bits; nil: 0022.
    public var umask: UInt32?
    public var additionalGids: [UInt32] = []
    public init(uid: UInt32 = 0, gid: UInt32 = 0, umask: UInt32? = nil, additionalGids: [UInt32] = []) {
      self.uid = uid
      self.gid = gid
      self.umask = umask
      self.additionalGids = additionalGids
    }
  }

  /// The five sets, each of names such as `CAP_CHOWN`. Source: capabilities(7).
  public struct Capabilities: Sendable, Hashable {
    public var bounding: [String] = []
    public var effective: [String] = []
    public var inheritable: [String] = []
    public var permitted: [String] = []
    public var ambient: [String] = []
    public init() {}
    /// The sets of a process that may use `names` itself and pass nothing on: inheritable and ambient stay empty.
    public init(only names: [String]) {
      bounding = names
      effective = names
      permitted = names
    }
  }

  /// `type` as setrlimit(2) spells it: `RLIMIT_NOFILE`. `UInt64.max` is unlimited.
  public struct Rlimit: Sendable, Hashable {
    public var type: String
    public var soft: UInt64
    public var hard: UInt64
    public init(_ type: String, soft: UInt64, hard: UInt64) {
      self.type = type
      self.soft = soft
      self.hard = hard
    }
  }

  public struct Root: Sendable, Hashable {
    /// Absolute, or relative to the bundle.
    public var path: String
    public var readonly: Bool
    public init(path: String = "rootfs", readonly: Bool = false) {
      self.path = path
      self.readonly = readonly
    }
  }

  /// Source: config.md "Mounts".
  public struct Mount: Sendable, Hashable {
    /// Absolute, in the container.
    public var destination: String
    public var type: String?
    /// A path of the host for binds, else a word for mountinfo.
    public var source: String?
    /// As mount(8) spells them.
    public var options: [String]
    /// Whether the mount is to be seen with other ids (`uidMappings`, `gidMappings`).
    public var uidMappings: [IDMapping] = []
    public var gidMappings: [IDMapping] = []
    public init(destination: String, type: String? = nil, source: String? = nil, options: [String] = []) {
      self.destination = destination
      self.type = type
      self.source = source
      self.options = options
    }
  }

  public struct IDMapping: Sendable, Hashable {
    public var containerID: UInt32
    public var hostID: UInt32
    public var size: UInt32
    public init(containerID: UInt32, hostID: UInt32, size: UInt32) {
      self.containerID = containerID
      self.hostID = hostID
      self.size = size
    }
  }

  /// Source: config.md "POSIX-platform Hooks".
  public struct Hooks: Sendable, Hashable {
    public var prestart: [Hook] = []
    public var createRuntime: [Hook] = []
    public var createContainer: [Hook] = []
    public var startContainer: [Hook] = []
    public var poststart: [Hook] = []
    public var poststop: [Hook] = []
    public init() {}
    public var isEmpty: Bool {
      [prestart, createRuntime, createContainer, startContainer, poststart, poststop].allSatisfy { $0.isEmpty }
    }
  }

  public struct Hook: Sendable, Hashable {
    /// Absolute, on the host.
    public var path: String
    public var args: [String] = []
    public var env: [String] = []
    public var timeoutSeconds: Int64?
    public init(path: String) { self.path = path }
  }
}
