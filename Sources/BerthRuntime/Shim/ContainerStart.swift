import BerthCore

/// Where a container's output goes, in CRI log format.
public struct LogTarget: Sendable, Hashable {
  /// Absolute path of N.log; older files are N.log.1 and up.
  public var path: String
  /// In bytes: a file that would grow beyond it is rotated.
  public var maxSize: UInt64
  /// The current file included, at least 1.
  public var maxFiles: UInt32

  public init(path: String, maxSize: UInt64 = 10 << 20, maxFiles: UInt32 = 5) {
    self.path = path
    self.maxSize = maxSize
    self.maxFiles = maxFiles
  }

  func encode(to writer: inout ByteWriter) {
    writer.record { record in
      record.text(path)
      record.integer(maxSize)
      record.integer(maxFiles)
    }
  }

  init(from reader: inout ByteReader) throws(ByteReaderError) {
    self = try reader.record { (record: inout ByteReader) throws(ByteReaderError) in
      LogTarget(path: try record.text(limit: ShimProtocol.Limit.path), maxSize: try record.integer(), maxFiles: try record.integer())
    }
  }
}

/// One attempt of one container.
public struct ContainerStart: Sendable, Hashable {
  /// A DNS-1123 label; also the name of the container's folder in the pod's state folder.
  public var name: String
  /// Counts the starts of this container from 0. The same attempt is never started twice.
  public var attempt: UInt32
  /// The container's cgroup below every hierarchy's root, as its config.json names it.
  public var cgroup: String
  /// Not read by the shim: the launcher that it forks does.
  public var launch: EncodedLaunch
  public var log: LogTarget
  /// Whether the process has a terminal: its config.json says so too. Since version 2.
  public var hasTerminal = false
  /// Whether standard input stays open for clients to come, instead of being /dev/null. Since version 2.
  public var hasInput = false

  public init(name: String, attempt: UInt32, cgroup: String, launch: LaunchRequest, log: LogTarget) {
    self.name = name
    self.attempt = attempt
    self.cgroup = cgroup
    self.launch = EncodedLaunch(launch)
    self.log = log
  }

  func encode(to writer: inout ByteWriter) {
    writer.text(name)
    writer.integer(attempt)
    writer.text(cgroup)
    log.encode(to: &writer)
    writer.data(launch.json)
    let flags: UInt8 = (hasTerminal ? 1 : 0) | (hasInput ? 2 : 0)
    if flags != 0 { writer.integer(flags) }
  }

  init(from reader: inout ByteReader) throws(ByteReaderError) {
    name = try reader.text(limit: ShimProtocol.Limit.name)
    // The folder of this name holds the pod's shared memory.
    guard DNSLabel.isValid(name), name != "shm" else { throw reader.failure("not a container's name") }
    attempt = try reader.integer()
    cgroup = try reader.text(limit: ShimProtocol.Limit.path)
    log = try LogTarget(from: &reader)
    launch = EncodedLaunch(json: try reader.data(limit: ShimProtocol.maxPacket))
    if reader.isAtEnd { return }
    let flags = try reader.integer(UInt8.self)
    hasTerminal = flags & 1 != 0
    hasInput = flags & 2 != 0
  }
}
