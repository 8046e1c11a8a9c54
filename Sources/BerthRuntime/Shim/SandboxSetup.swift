import BerthCore

/// A pod's own tmpfs, mounted by the shim in its mount namespace, from where containers bind it.
public struct TmpfsVolume: Sendable, Hashable {
  /// Absolute; made if it isn't there.
  public var path: String
  /// In bytes.
  public var size: UInt64
  /// Permission bits of the root, sticky included.
  public var mode: UInt32
  public var uid: UInt32
  public var gid: UInt32

  public init(path: String, size: UInt64, mode: UInt32, uid: UInt32, gid: UInt32) {
    self.path = path
    self.size = size
    self.mode = mode
    self.uid = uid
    self.gid = gid
  }

  func encode(to writer: inout ByteWriter) {
    writer.record { record in
      record.text(path)
      record.integer(size)
      record.integer(mode)
      record.integer(uid)
      record.integer(gid)
    }
  }

  init(from reader: inout ByteReader) throws(ByteReaderError) {
    self = try reader.record { (record: inout ByteReader) throws(ByteReaderError) in
      TmpfsVolume(
        path: try record.text(limit: ShimProtocol.Limit.path), size: try record.integer(), mode: try record.integer(),
        uid: try record.integer(), gid: try record.integer())
    }
  }
}

/// What the containers of a pod share, set up by the shim for itself: they inherit it when they are cloned.
public struct SandboxSetup: Sendable, Hashable {
  public enum Network: UInt8, Sendable, Hashable {
    /// The host's network namespace.
    case host = 0
    /// A namespace of its own with nothing but the loopback interface.
    case none = 1
  }

  public var podUID: String
  public var hostname: String
  public var network: Network
  /// Of the pod's /dev/shm, in bytes.
  public var shmSize: UInt64
  public var tmpfs: [TmpfsVolume]
  /// The pod's cgroup below every hierarchy's root, made by whoever asks, removed at `shutdown`.
  public var podCgroup: String
  /// The node's IPC namespace and /dev/shm instead of the pod's own.
  public var hostIPC = false

  public init(
    podUID: String, hostname: String, network: Network, shmSize: UInt64 = 64 << 20, tmpfs: [TmpfsVolume] = [], podCgroup: String
  ) {
    self.podUID = podUID
    self.hostname = hostname
    self.network = network
    self.shmSize = shmSize
    self.tmpfs = tmpfs
    self.podCgroup = podCgroup
  }

  func encode(to writer: inout ByteWriter) {
    writer.text(podUID)
    writer.text(hostname)
    writer.integer(network.rawValue)
    writer.integer(shmSize)
    writer.list(tmpfs) { $0.encode(to: &$1) }
    writer.text(podCgroup)
    // Left out where nobody asks for it: an older shim takes the rest.
    if hostIPC { writer.integer(UInt8(1)) }
  }

  init(from reader: inout ByteReader) throws(ByteReaderError) {
    podUID = try reader.text(limit: ShimProtocol.Limit.name)
    hostname = try reader.text(limit: ShimProtocol.Limit.name + 1)
    guard let network = Network(rawValue: try reader.integer()) else { throw reader.failure("unknown network") }
    self.network = network
    shmSize = try reader.integer()
    tmpfs = try reader.list(limit: ShimProtocol.Limit.volumes) { (item: inout ByteReader) throws(ByteReaderError) in
      try TmpfsVolume(from: &item)
    }
    podCgroup = try reader.text(limit: ShimProtocol.Limit.path)
    // An older daemon ends here.
    if !reader.isAtEnd { hostIPC = try reader.bool() }
  }
}
