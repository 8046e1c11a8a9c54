import BerthCore

/// What a daemon asks of a shim.
public enum ShimRequest: Sendable, Hashable {
  /// The versions that the asking side speaks. Answered with `ShimReply.hello`.
  case hello(minVersion: UInt8, maxVersion: UInt8)
  /// Once in a shim's life; repeating it unchanged is fine.
  case setUpSandbox(SandboxSetup)
  /// Answered once the program is executed, or with why it couldn't be.
  case start(ContainerStart)
  /// The signal to the container's init now, SIGKILL to its whole cgroup after the grace period. The shim keeps the timer; a later
  /// `stop` can only shorten it. A container that has ended is fine.
  case stop(container: String, signal: Int32, graceMilliseconds: UInt64)
  /// To the container's init.
  case signal(container: String, signal: Int32)
  case state
  /// Refused while containers run. Removes the pod's cgroup and ends the shim, and with it the pod's namespaces and mounts.
  case shutdown
  /// Makes a one-time socket for a further process of a running container: see `SessionMessage`. The process is started once somebody
  /// has connected and passed its streams, and killed when `timeoutMilliseconds` (0: none) have passed since then. `request` is read by
  /// the launcher alone. Since version 2.
  case exec(container: String, timeoutMilliseconds: UInt64, request: [UInt8])
  /// Makes a one-time socket for a client of a running container's own streams. Since version 2.
  case attach(container: String)
  /// Makes a one-time socket for a connection to a port of the pod's loopback interface. Since version 3.
  case connect(port: UInt16, isSix: Bool)
  /// Makes sure that the PID namespace which the pod's containers share is there: a process of its own keeps it, in the cgroup. Answered
  /// once it can be joined by the path `PodFolder.pidNamespace`. Since version 4.
  case hold(cgroup: String, launch: EncodedLaunch)
  /// To a keeper, of each container that is its affair. Since version 5.
  case keep(KeptContainer)

  enum Kind: UInt8 {
    case hello = 0x01
    case setUpSandbox = 0x02
    case start = 0x03
    case stop = 0x04
    case signal = 0x05
    case state = 0x06
    case shutdown = 0x07
    case exec = 0x10
    case attach = 0x11
    case connect = 0x12
    case hold = 0x13
    case keep = 0x14

    /// The first version of the protocol that has it.
    var version: UInt8 {
      switch self {
      case .hello, .setUpSandbox, .start, .stop, .signal, .state, .shutdown: 1
      case .exec, .attach: 2
      case .connect: 3
      case .hold: 4
      case .keep: 5
      }
    }
  }

  var kind: Kind {
    switch self {
    case .hello: .hello
    case .setUpSandbox: .setUpSandbox
    case .start: .start
    case .stop: .stop
    case .signal: .signal
    case .state: .state
    case .shutdown: .shutdown
    case .exec: .exec
    case .attach: .attach
    case .connect: .connect
    case .hold: .hold
    case .keep: .keep
    }
  }

  /// In words, for errors.
  public var operation: String {
    switch self {
    case .hello: "greet shim"
    case .setUpSandbox: "set up sandbox"
    case .start: "start container"
    case .stop: "stop container"
    case .signal: "signal container"
    case .state: "read shim's state"
    case .shutdown: "shut shim down"
    case .exec: "exec in container"
    case .attach: "attach to container"
    case .connect: "connect to pod"
    case .hold: "hold pid namespace"
    case .keep: "keep container"
    }
  }

  /// The packet that asks for it.
  public func encoded(id: UInt32) -> [UInt8] {
    ShimHeader(version: kind.version, type: kind.rawValue, id: id).packet { body in
      switch self {
      case .hello(let minVersion, let maxVersion):
        body.integer(minVersion)
        body.integer(maxVersion)
      case .setUpSandbox(let setup): setup.encode(to: &body)
      case .start(let start): start.encode(to: &body)
      case .stop(let container, let signal, let grace):
        body.text(container)
        body.integer(signal)
        body.integer(grace)
      case .signal(let container, let signal):
        body.text(container)
        body.integer(signal)
      case .state, .shutdown: break
      case .exec(let container, let timeout, let request):
        body.text(container)
        body.integer(timeout)
        body.data(request)
      case .attach(let container): body.text(container)
      case .connect(let port, let isSix):
        body.integer(port)
        body.bool(isSix)
      case .hold(let cgroup, let launch):
        body.text(cgroup)
        body.data(launch.json)
      case .keep(let container): container.encode(to: &body)
      }
    }
  }

  /// nil for a type that this version doesn't know.
  public init?(_ header: ShimHeader, packet: [UInt8]) throws(ByteReaderError) {
    guard let kind = Kind(rawValue: header.type) else { return nil }
    self = try ShimHeader.body(of: packet) { (body: inout ByteReader) throws(ByteReaderError) in try Self.read(kind, &body) }
  }

  private static func read(_ kind: Kind, _ body: inout ByteReader) throws(ByteReaderError) -> ShimRequest {
    switch kind {
    case .hello: .hello(minVersion: try body.integer(), maxVersion: try body.integer())
    case .setUpSandbox: .setUpSandbox(try SandboxSetup(from: &body))
    case .start: .start(try ContainerStart(from: &body))
    case .stop:
      .stop(
        container: try body.text(limit: ShimProtocol.Limit.name), signal: try body.integer(), graceMilliseconds: try body.integer())
    case .signal: .signal(container: try body.text(limit: ShimProtocol.Limit.name), signal: try body.integer())
    case .state: .state
    case .shutdown: .shutdown
    case .exec:
      .exec(
        container: try body.text(limit: ShimProtocol.Limit.name), timeoutMilliseconds: try body.integer(),
        request: try body.data(limit: ShimProtocol.maxPacket))
    case .attach: .attach(container: try body.text(limit: ShimProtocol.Limit.name))
    case .connect: .connect(port: try body.integer(), isSix: try body.bool())
    case .hold:
      .hold(
        cgroup: try body.text(limit: ShimProtocol.Limit.path), launch: EncodedLaunch(json: try body.data(limit: ShimProtocol.maxPacket)))
    case .keep: .keep(try KeptContainer(from: &body))
    }
  }
}
