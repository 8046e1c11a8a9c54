import BerthCore
import BerthOCI

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
  /// Of the pod's user namespace, which owns the others; nil: the node's.
  public var idMaps: IDMaps?

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
    let extras = (hostIPC ? Self.hasHostIPC : 0) | (idMaps == nil ? 0 : Self.hasIDMaps)
    guard extras != 0 else { return }
    writer.integer(extras)
    guard let idMaps else { return }
    writer.text(IDMaps.text(idMaps.uids))
    writer.text(IDMaps.text(idMaps.gids))
  }

  /// Bits of a byte behind what version 1 began with; each that brings something along has it follow in this order. An older shim
  /// refuses a bit that it doesn't know.
  private static let hasHostIPC: UInt8 = 1
  private static let hasIDMaps: UInt8 = 2

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
    guard !reader.isAtEnd else { return }
    let extras = try reader.integer(UInt8.self)
    guard extras & ~(Self.hasHostIPC | Self.hasIDMaps) == 0 else { throw reader.failure("unknown parts of a sandbox") }
    hostIPC = extras & Self.hasHostIPC != 0
    if extras & Self.hasIDMaps != 0 {
      let uids = IDMaps.mappings(try reader.text(limit: ShimProtocol.Limit.path))
      let gids = IDMaps.mappings(try reader.text(limit: ShimProtocol.Limit.path))
      guard let uids, let gids else { throw reader.failure("malformed id maps") }
      idMaps = IDMaps(uids: uids, gids: gids)
    }
  }
}
