import BerthCore

/// What a session's two ends say to each other over the one-time socket that the shim made for it: packets as in `ShimProtocol`, of
/// version 2, with request id 0. The client's streams are descriptors that it passes, so that no byte of them goes through the shim.
///
///     client → shim   20 begin (stdin, stdout, stderr; none for a terminal)   21 signal   22 detach (the terminal, to be kept open)
///     shim → client   A0 running (the terminal's other side)   A1 ended   A2 failed
///
/// Of an attachment, stdin isn't used: `running` brings what the client writes to, the terminal's other side or the way into the
/// container's standard input, where it has either. What the container writes is written to stdout and stderr as well as to its log; a
/// client that doesn't read loses some of it.
///
/// Of a connection to a port, `running` brings a socket that is connecting; that is all.
public enum SessionMessage: Sendable, Equatable {
  case begin
  /// To the process.
  case signal(Int32)
  /// The client goes and the process is to live on: the shim reads the terminal in its place.
  case detach
  /// As the shim's pid namespace numbers it.
  case running(pid: Int32)
  /// As a shell counts: 128 + n after signal n.
  case ended(exitCode: Int32, signal: Int32?)
  /// There is no process (any more). See `ContainerLauncher.exitCode(for:)`.
  case failed(BerthError)

  /// In bytes: no message is longer.
  public static let maxPacket = 16 << 10

  private enum Kind: UInt8 {
    case begin = 0x20
    case signal = 0x21
    case detach = 0x22
    case running = 0xA0
    case ended = 0xA1
    case failed = 0xA2
  }

  public func encoded() -> [UInt8] {
    ShimHeader(version: 2, type: kind.rawValue, id: 0).packet { body in
      switch self {
      case .begin, .detach: break
      case .signal(let number): body.integer(number)
      case .running(let pid): body.integer(pid)
      case .ended(let exitCode, let signal):
        body.integer(exitCode)
        body.optional(signal) { $1.integer($0) }
      case .failed(let error): error.encode(to: &body)
      }
    }
  }

  private var kind: Kind {
    switch self {
    case .begin: .begin
    case .signal: .signal
    case .detach: .detach
    case .running: .running
    case .ended: .ended
    case .failed: .failed
    }
  }

  /// nil for a type that this version doesn't know.
  public init?(packet: [UInt8]) throws(ByteReaderError) {
    guard let header = ShimHeader(packet), let kind = Kind(rawValue: header.type) else { return nil }
    self = try ShimHeader.body(of: packet) { (body: inout ByteReader) throws(ByteReaderError) in
      switch kind {
      case .begin: return .begin
      case .detach: return .detach
      case .signal: return .signal(try body.integer())
      case .running: return .running(pid: try body.integer())
      case .ended:
        return .ended(
          exitCode: try body.integer(),
          signal: try body.optional { (field: inout ByteReader) throws(ByteReaderError) in try field.integer(Int32.self) })
      case .failed: return .failed(try BerthError(from: &body))
      }
    }
  }
}
