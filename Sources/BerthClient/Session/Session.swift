import BerthCore
import BerthLinux
import BerthRuntime

/// The client of a session with a shim: passes the process's streams, relays them to and from this program's own, and hears how the
/// process ended.
///
/// The process never gets a descriptor of this program's user: pipes are made for it, or a terminal in its own container.
public final class Session {
  public struct Options: Sendable {
    /// Whether standard input is read.
    public var input: Bool
    public var terminal: Bool
    /// To a container's own process, which other clients and its log share: nothing this program is told by signals concerns it.
    public var attaches = false

    public init(input: Bool, terminal: Bool) {
      self.input = input
      self.terminal = terminal
    }
  }

  /// How the session ended.
  public enum Outcome: Sendable, Equatable {
    case exited(Int32)
    /// The user left; the process lives on.
    case detached
  }

  private let socket: FD
  private let options: Options
  private let signals: SignalQueue
  private var relay: Relay

  /// `path`: of the one-time socket.
  public init(_ path: String, _ options: Options) throws(BerthError) {
    self.options = options
    signals = try Self.wrap(path) { () throws(Errno) in try SignalQueue(SignalQueue.foreground) }
    socket = try Self.wrap(path) { () throws(Errno) in
      try PacketConnection.connect(in: Files.parent(of: path), name: Files.name(of: path))
    }
    relay = Relay()
  }

  private static func wrap<Value: ~Copyable>(_ subject: String, _ body: () throws(Errno) -> Value) throws(BerthError) -> Value {
    do throws(Errno) { return try body() } catch { throw failure(subject, error) }
  }

  private static func failure(_ subject: String, _ error: Errno) -> BerthError {
    let hint = error == .accessDenied || error == .notPermitted ? "; sessions are for root" : ""
    return BerthError(.unavailable, "connect to session", subject, cause: "\(error)\(hint)")
  }

  /// Until the process has ended or the user has left.
  public func run() throws(BerthError) -> Outcome {
    do throws(Errno) { try begin() } catch { throw Self.failure("", error) }
    let raw: RawTerminal? = options.terminal && options.input ? RawTerminal() : nil
    let outcome: Result<Outcome, BerthError>
    do throws(BerthError) { outcome = .success(try relayAll()) } catch { outcome = .failure(error) }
    _ = consume raw
    return try outcome.get()
  }

  private func begin() throws(Errno) {
    if options.terminal, !options.attaches { return try PacketConnection.send(SessionMessage.begin.encoded(), passing: [], over: socket) }
    let stdout = try ChildChannel.pipe()
    let stderr = try ChildChannel.pipe()
    if options.input, !options.attaches {
      let (reader, writer) = try ChildChannel.pipe().release()
      let theirs = FD(owning: reader)
      relay.input = FD(owning: writer)
      try PacketConnection.send(SessionMessage.begin.encoded(), passing: [theirs.raw, stdout.child.raw, stderr.child.raw], over: socket)
    } else {
      let null = try Files.openNull()
      try PacketConnection.send(SessionMessage.begin.encoded(), passing: [null.raw, stdout.child.raw, stderr.child.raw], over: socket)
    }
    relay.output = stdout.keepOurs()
    relay.errors = stderr.keepOurs()
    try relay.makeNonBlocking()
  }

  private func relayAll() throws(BerthError) -> Outcome {
    relay.readsInput = options.input && !options.terminal && !options.attaches
    while true {
      let ready: (readable: Set<Int32>, writable: Set<Int32>)
      do throws(Errno) {
        ready = try Descriptors.wait(readable: [socket.raw, signals.descriptor] + relay.readable, writable: relay.writable)
      } catch { throw Self.failure("", error) }
      if ready.readable.contains(signals.descriptor) {
        while let number = signals.next() { if !take(number) { return .detached } }
      }
      if relay.serve(ready.readable, ready.writable) {
        detach()
        return .detached
      }
      if ready.readable.contains(socket.raw), let outcome = try hear() { return outcome }
    }
  }

  /// Of a terminal, the keys are bytes that go to it; only its size is this program's to tell.
  /// False if the user wants to leave.
  private func take(_ number: Int32) -> Bool {
    switch number {
    case SignalQueue.brokenPipe: break
    case SignalQueue.windowChange: relay.copySize()
    case _ where options.attaches: return false
    default: try? PacketConnection.send(SessionMessage.signal(number).encoded(), over: socket)
    }
    return true
  }

  private func detach() {
    if options.attaches { return }
    try? PacketConnection.send(SessionMessage.detach.encoded(), passing: relay.terminal.descriptor.map { [$0] } ?? [], over: socket)
  }

  /// nil: it goes on.
  private func hear() throws(BerthError) -> Outcome? {
    var passed = PassedDescriptors()
    let packet: [UInt8]?
    do throws(Errno) {
      packet = try PacketConnection.receive(limit: SessionMessage.maxPacket, from: socket, passed: &passed)
    } catch { throw Self.failure("", error) }
    guard let packet else { return nil }
    guard !packet.isEmpty else { throw BerthError(.unavailable, "exec in container", cause: "the connection to the shim is lost") }
    switch (try? SessionMessage(packet: packet)) ?? nil {
    case .running:
      if let descriptor = passed.takeFirst() {
        if options.terminal { relay.begin(terminal: descriptor, reads: !options.attaches) } else { relay.begin(input: descriptor) }
        relay.readsInput = options.input
      }
      return nil
    case .ended(let exitCode, _):
      relay.drain()
      return .exited(exitCode)
    case .failed(let error): throw error
    default: return nil
    }
  }
}
