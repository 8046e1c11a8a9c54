import BerthCore
import BerthLinux
import BerthRuntime
import Synchronization

/// The daemon's side of all shims: one thread that reads answers and events, keeps deadlines, and reaps shims that this process started.
///
/// Callbacks run on that thread, in the order in which things happened, and must not block.
public final class ShimMonitor: Sendable {
  private struct State: ~Copyable {
    var lastToken: UInt64 = 1
    var connections: [UInt64: ShimConnection] = [:]
    var children: [UInt64: Child] = [:]
    var sources: [UInt64: any MonitoredSource] = [:]
    /// No deadline is earlier than this.
    var nearest: BootTime?
    var isStopped = false
  }

  /// A shim that this process has to reap.
  private final class Child: Sendable {
    let pidfd: FD
    init(pidfd: consuming FD) { self.pidfd = consume pidfd }
  }

  private static let wakeToken: UInt64 = 0
  let home: ShimHome
  private let epoll: Epoll
  private let wakeUp: WakeUp
  private let state = Mutex(State())

  /// Starts the thread. Shims that it starts live in `home`.
  public init(home: ShimHome) throws(BerthError) {
    self.home = home
    do throws(Errno) {
      epoll = try Epoll()
      wakeUp = try WakeUp()
      try epoll.add(wakeUp.descriptor, .input, token: Self.wakeToken)
    } catch { throw BerthError(.resourceExhausted, "watch shims", cause: error.description) }
    Threads.start("berth-shims") { self.run() }
  }

  /// Ends the thread and every connection. Shims and containers live on.
  public func stop() {
    let open = state.withLock { state in
      state.isStopped = true
      return Array(state.connections.values)
    }
    for connection in open { connection.close() }
    wakeUp.wake()
  }

  /// Starts the shim of the pod whose state folder is `podDirectory` (absolute) from the program `shimPath`. The connection can be used
  /// at once. The shim lives in a session of its own with an empty environment; it outlives this process. `handles`, of a keeper: what
  /// it has as descriptors from 4 on.
  public func spawn(
    shimPath: String, podDirectory: String, role: ShimRole = .shim, handles: [Int32] = [], onEvent: @escaping @Sendable (ShimEvent) -> Void,
    onClosed: @escaping @Sendable () -> Void
  ) throws(BerthError) -> ShimConnection {
    do throws(Errno) {
      var peer: FD?
      let socket = try PacketConnection.pair(peer: &peer)
      guard let theirs = peer.take() else { throw .invalid }
      let words = ["berth-shim", podDirectory] + (role == .keeper ? ["keep", "\(handles.count)"] : [])
      let descriptors = ([theirs.raw] + handles).enumerated().map { (child: Int32(3 + $0.offset), parent: $0.element) }
      let pid = try home.start(shimPath, arguments: words, descriptors: descriptors)
      try keepForReaping(pid)
      return try register(consume socket, podDirectory, onEvent, onClosed)
    } catch { throw BerthError(.unavailable, "start shim", podDirectory, cause: error.description) }
  }

  /// Connects to a shim that was started before. `.unavailable` if it is gone: `PodFacts` tells what it left.
  public func connect(
    podDirectory: String, role: ShimRole = .shim, onEvent: @escaping @Sendable (ShimEvent) -> Void,
    onClosed: @escaping @Sendable () -> Void
  ) throws(BerthError) -> ShimConnection {
    do throws(Errno) {
      let name = role == .shim ? ShimProtocol.socketName : ShimProtocol.keeperSocketName
      let socket = try PacketConnection.connect(in: podDirectory, name: name)
      return try register(consume socket, podDirectory, onEvent, onClosed)
    } catch { throw BerthError(.unavailable, "connect to shim", podDirectory, cause: error.description) }
  }

  private func nextToken() -> UInt64 {
    state.withLock { state in
      state.lastToken += 1
      return state.lastToken
    }
  }

  private func register(
    _ socket: consuming FD, _ podDirectory: String, _ onEvent: @escaping @Sendable (ShimEvent) -> Void,
    _ onClosed: @escaping @Sendable () -> Void
  ) throws(Errno) -> ShimConnection {
    let connection = ShimConnection(
      token: nextToken(), socket: consume socket, podDirectory: podDirectory, monitor: self, onEvent: onEvent, onClosed: onClosed)
    state.withLock { $0.connections[connection.token] = connection }
    do throws(Errno) { try connection.startWatching() } catch {
      forget(connection)
      throw error
    }
    return connection
  }

  private func keepForReaping(_ pid: Int32) throws(Errno) {
    let child = Child(pidfd: try ProcessControl.open(pid))
    let token = nextToken()
    state.withLock { $0.children[token] = child }
    try epoll.add(child.pidfd.raw, .input, token: token)
  }

  // MARK: For other sources

  /// Calls `source` on the monitor's thread whenever `descriptor` is readable, until `unwatch` and `forget` of the token returned.
  func watch(_ descriptor: Int32, for source: some MonitoredSource) throws(Errno) -> UInt64 {
    let token = nextToken()
    state.withLock { $0.sources[token] = source }
    do throws(Errno) { try epoll.add(descriptor, .input, token: token) } catch {
      forget(token)
      throw error
    }
    return token
  }

  func forget(_ token: UInt64) { _ = state.withLock { $0.sources.removeValue(forKey: token) } }

  // MARK: For connections

  func add(_ descriptor: Int32, token: UInt64) throws(Errno) { try epoll.add(descriptor, .input, token: token) }
  func watch(_ descriptor: Int32, _ interest: Epoll.Interest, token: UInt64) { try? epoll.modify(descriptor, interest, token: token) }
  func unwatch(_ descriptor: Int32) { epoll.remove(descriptor) }
  func forget(_ connection: ShimConnection) { _ = state.withLock { $0.connections.removeValue(forKey: connection.token) } }

  /// A request waits until `deadline`.
  func expect(_ deadline: BootTime) {
    let isNearer = state.withLock { state in
      if let nearest = state.nearest, nearest <= deadline { return false }
      state.nearest = deadline
      return true
    }
    if isNearer { wakeUp.wake() }
  }

  // MARK: The thread

  private func run() {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: ShimProtocol.maxPacket, alignment: 8)
    defer { buffer.deallocate() }
    while true {
      let (timeout, isStopped) = state.withLock { ($0.nearest.map(\.millisecondsFromNow) ?? -1, $0.isStopped) }
      if isStopped { return }
      // The descriptors are this monitor's own: waiting on them cannot fail.
      try? epoll.wait(milliseconds: timeout) { handle($0, buffer) }
      expireOverdue()
    }
  }

  private func handle(_ ready: Epoll.Ready, _ buffer: UnsafeMutableRawBufferPointer) {
    if ready.token == Self.wakeToken { return wakeUp.clear() }
    let (connection, child, source) = state.withLock {
      ($0.connections[ready.token], $0.children[ready.token], $0.sources[ready.token])
    }
    if let connection {
      if ready.events.contains(.output) { connection.flush() }
      if !ready.events.isDisjoint(with: [.input, .hangUp, .failure]) { connection.receive(buffer) }
    }
    if let child { reap(child, ready.token) }
    source?.ready(ready.token, buffer)
  }

  private func reap(_ child: Child, _ token: UInt64) {
    // An error means that there is nothing left to reap.
    do throws(Errno) { if try Children.reapIfEnded(child.pidfd) == nil { return } } catch {}
    epoll.remove(child.pidfd.raw)
    _ = state.withLock { $0.children.removeValue(forKey: token) }
  }

  private func expireOverdue() {
    let now = BootTime.now
    let (due, sources) = state.withLock { state -> ([ShimConnection], [any MonitoredSource]) in
      guard let nearest = state.nearest, nearest <= now else { return ([], []) }
      state.nearest = nil
      return (Array(state.connections.values), Array(state.sources.values))
    }
    for next in due.compactMap({ $0.expire(now) }) { expect(next) }
    for next in sources.compactMap({ $0.expire(now) }) { expect(next) }
  }
}

/// Something besides shims that the monitor's thread looks after. Its calls must not block.
protocol MonitoredSource: AnyObject, Sendable {
  /// The descriptor watched as `token` is readable. `buffer` is for passing use.
  func ready(_ token: UInt64, _ buffer: UnsafeMutableRawBufferPointer)
  /// Gives up what is overdue; returns the next deadline.
  func expire(_ now: BootTime) -> BootTime?
}
