import BerthCore

/// How a daemon and the shim of a pod talk: one message a packet over SOCK_SEQPACKET, at most `maxPacket` bytes.
///
/// A packet is a `version` byte, a `type` byte, a 32-bit request id and a body; integers are little-endian. The six bytes in front keep
/// their meaning in every version to come, so that any two versions can tell each other that they don't understand one another. Bodies
/// are records behind their length: fields are only ever appended, a reader passes over those it doesn't know, and what it expects
/// beyond the end of an older peer's record takes its default. A change that this cannot express raises `version`.
///
///     daemon → shim   01 hello   02 set up sandbox   03 start   04 stop   05 signal   06 state   07 shutdown
///     shim → daemon   80 ok   81 error   82 hello   83 started   84 state          (answers carry the request's id)
///     shim → daemon   C0 exited                                                    (to every client, id 0)
///
/// The version of a packet is the lowest that knows its type, so that nothing of version 1 looks different to a later one. Version 2:
///
///     daemon → shim   10 exec   11 attach
///     shim → daemon   90 session
///
/// Version 3:
///
///     daemon → shim   12 connect
///
/// Version 4:
///
///     daemon → shim   13 hold
///
/// Version 5, where the shim is a keeper (`ShimRole`); the code of an `ExitRecord` may be unknown:
///
///     daemon → shim   14 keep
///
/// Types 20 to 2F and A0 to AF are those of `SessionMessage`, which travel over sockets of their own. Requests are performed in the order they arrive and
/// may be sent without waiting for answers; only the answer to `start` comes later, when the container runs or cannot.
public enum ShimProtocol {
  /// What this build speaks. Fixtures of every version ever landed are in Tests/Fixtures/shim-protocol.
  public static let version: UInt8 = 5
  /// Of all that `hello` and a pod's start need.
  public static let firstVersion: UInt8 = 1
  /// In bytes, header included. A longer packet is refused.
  public static let maxPacket = 64 << 10
  /// Of version, type and request id.
  public static let headerSize = 6
  /// File names in a pod's state folder.
  public static let socketName = "shim.sock"
  public static let identityName = "shim.pid"
  /// Those of a keeper.
  public static let keeperSocketName = "keeper.sock"
  public static let keeperIdentityName = "keeper.pid"

  /// Bounds of what a message may hold.
  enum Limit {
    static let name = 63
    static let path = 4095
    static let containers = 128
    static let volumes = 64
    static let errorText = 4096
    static let warnings = 8
    static let socketName = 64
  }
}

/// The front of every packet.
public struct ShimHeader: Sendable, Equatable {
  public var version: UInt8
  public var type: UInt8
  /// Chosen by who asks, repeated by who answers; 0 for events.
  public var id: UInt32

  public init(version: UInt8 = ShimProtocol.firstVersion, type: UInt8, id: UInt32) {
    self.version = version
    self.type = type
    self.id = id
  }

  /// nil if there are fewer bytes than a header has.
  public init?(_ packet: [UInt8]) {
    var reader = ByteReader(packet)
    guard let version = try? reader.integer(UInt8.self), let type = try? reader.integer(UInt8.self),
      let id = try? reader.integer(UInt32.self)
    else { return nil }
    self.init(version: version, type: type, id: id)
  }

  /// The whole packet.
  func packet(_ body: (inout ByteWriter) -> Void) -> [UInt8] {
    var writer = ByteWriter(reserving: 64)
    writer.integer(version)
    writer.integer(type)
    writer.integer(id)
    writer.record(body)
    return writer.bytes
  }

  /// The fields of a packet's body.
  static func body<Value>(
    of packet: [UInt8], _ read: (inout ByteReader) throws(ByteReaderError) -> Value
  ) throws(ByteReaderError) -> Value {
    var reader = ByteReader(packet)
    for _ in 0..<ShimProtocol.headerSize { _ = try reader.integer(UInt8.self) }
    return try reader.record(read)
  }
}
