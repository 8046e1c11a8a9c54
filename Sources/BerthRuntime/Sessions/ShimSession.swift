import BerthCore
import BerthLinux

/// A further process of a container and the client that it is for: first a socket that waits for the client, then a launch, then the
/// process. Its streams are the client's own; the shim keeps only what tells the two of each other.
final class ShimSession {
  let index: UInt32
  /// Empty where it is for the pod as a whole.
  let container: String
  /// Of the one-time socket, in the pod's folder.
  let socketName: String
  let purpose: Purpose
  /// In nanoseconds from `begin` on; nil: none.
  let timeout: Int64?
  /// Until the client has connected.
  var listener: FD?
  /// nil before it has connected, and after it has gone.
  var client: FD?
  var launch: PendingLaunch?
  /// Takes the terminal's other side from the process that makes it.
  var console: FD?
  /// A child of the shim's, not reaped yet.
  var pid: Int32?
  /// Of a client that went and left its process behind.
  var terminal: FD?
  /// Of an attached client: where what the container writes goes.
  var output: FD?
  var errors: FD?
  /// When it is given up: nobody came, or the process took too long.
  var deadline: BootTime
  var isOverdue = false

  /// How long a client may take to connect.
  static let connectTime: Int64 = 10_000_000_000

  enum Purpose {
    /// An encoded `ExecRequest`.
    case exec([UInt8])
    /// The container's own streams.
    case attach
    /// A port of the pod's.
    case connect(port: UInt16, isSix: Bool)
  }

  init(index: UInt32, container: String, purpose: Purpose, timeout: Int64?, socketName: String, listener: consuming FD) {
    self.index = index
    self.container = container
    self.purpose = purpose
    self.timeout = timeout
    self.socketName = socketName
    self.listener = consume listener
    deadline = .now.after(nanoseconds: Self.connectTime)
  }

  /// Whether there is a process, or one is being made.
  var hasBegun: Bool { pid != nil || isLaunching }
  var isAttached: Bool { output.descriptor != nil }
  var isLaunching: Bool { launch != nil }

  /// SIGKILL, to the process and those that share its session; to one that is being made too.
  func kill() {
    switch launch {
    case .some(let launch): launch.abort()
    case .none: break
    }
    guard let pid else { return }
    try? ProcessControl.signal(-pid, 9)
    try? ProcessControl.signal(pid, 9)
  }

  /// The other side of the process's terminal, where it has one.
  func takeTerminal() -> FD? {
    guard let console = console.take(), (try? console.setNonBlocking()) != nil else { return nil }
    return (try? DescriptorSocket.receive(limit: 256, from: console))?.descriptor.map { FD(owning: $0) }
  }

  /// A client that has gone, or lets its socket fill, hears nothing more.
  func tell(_ message: SessionMessage, passing descriptor: Int32? = nil) {
    guard let socket = client.take() else { return }
    try? PacketConnection.send(message.encoded(), passing: descriptor.map { [$0] } ?? [], over: socket)
    client = consume socket
  }
}
