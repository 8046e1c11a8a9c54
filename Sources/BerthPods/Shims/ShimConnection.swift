import BerthCore
import BerthLinux
import BerthRuntime
import Synchronization

/// A daemon's connection to the shim of one pod. Any thread may send; answers and events arrive on the monitor's thread.
public final class ShimConnection: Sendable {
  /// Packets that wait for room in the socket; with more the connection is given up.
  private static let maxQueued = 64

  struct Pending {
    var answer: ShimAnswer
    var deadline: BootTime
  }

  /// Closed when its last user is done with it.
  private final class Socket: Sendable {
    let fd: FD
    init(_ fd: consuming FD) { self.fd = fd }
  }

  private struct State {
    /// nil once closed.
    var socket: Socket?
    var lastRequest: UInt32 = 0
    var pending: [UInt32: Pending] = [:]
    var queue: [[UInt8]] = []
  }

  public let podDirectory: String
  let token: UInt64
  private let monitor: ShimMonitor
  private let onEvent: @Sendable (ShimEvent) -> Void
  private let onClosed: @Sendable () -> Void
  private let state: Mutex<State>

  init(
    token: UInt64, socket: consuming FD, podDirectory: String, monitor: ShimMonitor, onEvent: @escaping @Sendable (ShimEvent) -> Void,
    onClosed: @escaping @Sendable () -> Void
  ) {
    self.token = token
    self.podDirectory = podDirectory
    self.monitor = monitor
    self.onEvent = onEvent
    self.onClosed = onClosed
    state = Mutex(State(socket: Socket(socket)))
  }

  /// Sends without waiting. Whatever fails is told by the answer.
  public func send(_ request: ShimRequest, deadline: BootTime) -> ShimAnswer {
    let (answer, accepted) = state.withLock { state -> (ShimAnswer, Bool) in
      state.lastRequest = state.lastRequest == .max ? 1 : state.lastRequest + 1
      let answer = ShimAnswer(request: state.lastRequest, operation: request.operation, podDirectory: podDirectory)
      let packet = request.encoded(id: answer.request)
      guard packet.count <= ShimProtocol.maxPacket else {
        answer.fail(.invalidArgument, "the request is longer than \(ShimProtocol.maxPacket) bytes")
        return (answer, true)
      }
      state.pending[answer.request] = Pending(answer: answer, deadline: deadline)
      return (answer, transmit(packet, &state))
    }
    if accepted { monitor.expect(deadline) } else { fail("the connection to the shim is lost") }
    return answer
  }

  /// Sends and waits. Throws what the shim answered with, `.unavailable` when the connection is lost, `.deadlineExceeded`.
  public func request(_ request: ShimRequest, deadline: BootTime) async throws(BerthError) -> ShimReply {
    try await send(request, deadline: deadline).value()
  }

  /// Whether it can still be used: false from before `onClosed` is called on.
  var isOpen: Bool { state.withLock { $0.socket != nil } }

  /// Agrees on a version of the protocol.
  public func greet(deadline: BootTime) async throws(BerthError) -> ShimIdentity {
    let reply = try await request(.hello(minVersion: ShimProtocol.firstVersion, maxVersion: ShimProtocol.version), deadline: deadline)
    guard case .hello(let identity) = reply else { throw unexpected("greet shim") }
    return identity
  }

  /// Everything the shim knows.
  public func readState(deadline: BootTime) async throws(BerthError) -> ShimState {
    guard case .state(let found) = try await request(.state, deadline: deadline) else { throw unexpected("read shim's state") }
    return found
  }

  private func unexpected(_ operation: String) -> BerthError {
    BerthError(.bug, operation, podDirectory, cause: "the shim answered something else")
  }

  /// Ends the connection from this side, without `onClosed`. The shim and its containers live on.
  public func close() {
    monitor.forget(self)
    fail("the connection was closed", notify: false)
  }

  // MARK: The monitor's side

  /// False if the connection is of no more use.
  private func transmit(_ packet: [UInt8], _ state: inout State) -> Bool {
    guard let socket = state.socket else { return false }
    if state.queue.isEmpty {
      do throws(Errno) {
        try PacketConnection.send(packet, over: socket.fd)
        return true
      } catch { if error != .again { return false } }
      monitor.watch(socket.fd.raw, [.input, .output], token: token)
    }
    state.queue.append(packet)
    return state.queue.count <= Self.maxQueued
  }

  /// There is room again.
  func flush() {
    let isLost = state.withLock { state -> Bool in
      guard let socket = state.socket else { return false }
      while let packet = state.queue.first {
        do throws(Errno) { try PacketConnection.send(packet, over: socket.fd) } catch { return error != .again }
        state.queue.removeFirst()
      }
      monitor.watch(socket.fd.raw, .input, token: token)
      return false
    }
    if isLost { fail("the connection to the shim is lost") }
  }

  /// Takes in what has arrived.
  func receive(_ buffer: UnsafeMutableRawBufferPointer) {
    while true {
      let received = state.withLock { state -> PacketConnection.Received? in
        guard let socket = state.socket else { return .nothing }
        return try? PacketConnection.receive(into: buffer, from: socket.fd)
      }
      switch received {
      case .message(let count): if !accept([UInt8](buffer[..<count])) { return fail("the shim sent something that is no message") }
      case .truncated: return fail("the shim sent a packet longer than \(ShimProtocol.maxPacket) bytes")
      case .nothing: return
      case .closed, nil: return fail("the connection to the shim is lost")
      }
    }
  }

  /// False for bytes that make no sense. Events that a newer shim has and this version doesn't know are passed over.
  private func accept(_ packet: [UInt8]) -> Bool {
    guard let header = ShimHeader(packet) else { return false }
    if ShimEvent.isEvent(header) {
      do throws(ByteReaderError) {
        if let event = try ShimEvent(header, packet: packet) { onEvent(event) }
        return true
      } catch { return false }
    }
    let pending = state.withLock { $0.pending.removeValue(forKey: header.id) }
    let reply = (try? ShimReply(header, packet: packet)) ?? nil
    if let reply {
      pending?.answer.fulfil(.success(reply))
    } else {
      pending?.answer.fail(.unsupported, "the shim's answer is not known here")
    }
    return true
  }

  /// Fails what is overdue; returns the next deadline.
  func expire(_ now: BootTime) -> BootTime? {
    let (overdue, next) = state.withLock { state -> ([ShimAnswer], BootTime?) in
      let overdue = state.pending.values.filter { $0.deadline <= now }.map(\.answer)
      for answer in overdue { state.pending[answer.request] = nil }
      return (overdue, state.pending.values.map(\.deadline).min())
    }
    for answer in overdue { answer.fail(.deadlineExceeded, "the shim gave no answer in time") }
    return next
  }

  func fail(_ cause: String, notify: Bool = true) {
    monitor.forget(self)
    let (waiting, wasOpen) = state.withLock { state -> ([ShimAnswer], Bool) in
      let waiting = state.pending.values.map(\.answer)
      state.pending = [:]
      state.queue = []
      guard let socket = state.socket else { return (waiting, false) }
      state.socket = nil
      monitor.unwatch(socket.fd.raw)
      return (waiting, true)
    }
    for answer in waiting { answer.fail(.unavailable, cause) }
    if notify, wasOpen { onClosed() }
  }

  func startWatching() throws(Errno) {
    try state.withLock { (state) throws(Errno) in
      guard let socket = state.socket else { return }
      try monitor.add(socket.fd.raw, token: token)
    }
  }
}
