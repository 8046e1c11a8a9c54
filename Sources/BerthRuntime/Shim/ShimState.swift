import BerthCore

/// Who a shim is: the answer to `hello`.
public struct ShimIdentity: Sendable, Hashable {
  /// The highest version of the protocol that both sides speak.
  public var version: UInt8
  public var pid: Int32
  /// Empty until the sandbox is set up.
  public var podUID: String

  public init(version: UInt8, pid: Int32, podUID: String) {
    self.version = version
    self.pid = pid
    self.podUID = podUID
  }
}

/// Where a container known to a shim stands.
public struct ShimContainer: Sendable, Hashable {
  public enum Phase: Sendable, Hashable {
    /// Cloned; its program isn't executed yet.
    case launching
    case running(InitRecord)
    case exited(ExitRecord)
  }

  public var name: String
  public var attempt: UInt32
  public var phase: Phase
  /// Whether a `stop` waits for its grace period to end.
  public var isStopping: Bool

  public init(name: String, attempt: UInt32, phase: Phase, isStopping: Bool) {
    self.name = name
    self.attempt = attempt
    self.phase = phase
    self.isStopping = isStopping
  }

  func encode(to writer: inout ByteWriter) {
    writer.record { record in
      record.text(name)
      record.integer(attempt)
      switch phase {
      case .launching: record.integer(UInt8(0))
      case .running(let initRecord):
        record.integer(UInt8(1))
        initRecord.encode(to: &record)
      case .exited(let exit):
        record.integer(UInt8(2))
        exit.encode(to: &record)
      }
      record.bool(isStopping)
    }
  }

  init(from reader: inout ByteReader) throws(ByteReaderError) {
    self = try reader.record { (record: inout ByteReader) throws(ByteReaderError) in
      let name = try record.text(limit: ShimProtocol.Limit.name)
      let attempt = try record.integer(UInt32.self)
      let phase: Phase
      switch try record.integer(UInt8.self) {
      case 0: phase = .launching
      case 1: phase = .running(try InitRecord(from: &record))
      case 2: phase = .exited(try ExitRecord(from: &record))
      default: throw record.failure("unknown phase")
      }
      return ShimContainer(name: name, attempt: attempt, phase: phase, isStopping: try record.bool())
    }
  }
}

/// Everything a shim knows.
public struct ShimState: Sendable, Hashable {
  public var isSandboxReady: Bool
  public var containers: [ShimContainer]

  public init(isSandboxReady: Bool, containers: [ShimContainer]) {
    self.isSandboxReady = isSandboxReady
    self.containers = containers
  }

  public subscript(name: String) -> ShimContainer? { containers.first { $0.name == name } }
}
