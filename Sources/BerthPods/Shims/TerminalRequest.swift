import BerthCore
import BerthLinux
import BerthRuntime
import Synchronization

/// A descriptor that is open as long as anybody has this.
final class HeldDescriptor: Sendable {
  let fd: FD
  init(_ fd: consuming FD) { self.fd = fd }
}

/// Asks a shim for the other side of a container's terminal, as a client that attaches to it is given it.
final class TerminalRequest: MonitoredSource {
  private struct State: ~Copyable {
    /// nil once it is over.
    var socket: FD?
    var token: UInt64 = 0
    var answer: HeldDescriptor?
    var waiting: CheckedContinuation<HeldDescriptor?, Never>?
  }

  private let monitor: ShimMonitor
  private let deadline: BootTime
  private let state: Mutex<State>

  /// `socket`: connected to a session of an attachment that has not begun.
  init(socket: consuming FD, deadline: BootTime, monitor: ShimMonitor) throws(Errno) {
    self.monitor = monitor
    self.deadline = deadline
    let null = try Files.openNull()
    try PacketConnection.send(SessionMessage.begin.encoded(), passing: [null.raw, null.raw, null.raw], over: socket)
    let number = socket.raw
    state = Mutex(State(socket: consume socket))
    try state.withLock { (state) throws(Errno) in state.token = try monitor.watch(number, for: self) }
    monitor.expect(deadline)
  }

  /// nil where it wasn't given one. To be asked once.
  func value() async -> HeldDescriptor? {
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if state.socket.descriptor != nil { state.waiting = continuation }
        return state.socket.descriptor == nil
      }
      if isOver { continuation.resume(returning: state.withLock { $0.answer }) }
    }
  }

  func ready(_ token: UInt64, _ buffer: UnsafeMutableRawBufferPointer) {
    let waiting = state.withLock { state -> CheckedContinuation<HeldDescriptor?, Never>? in
      guard let socket = state.socket.take() else { return nil }
      var passed = PassedDescriptors()
      let received = try? PacketConnection.receive(into: buffer, from: socket, passed: &passed)
      if case .nothing = received {
        state.socket = consume socket
        return nil
      }
      if let terminal = passed.takeFirst() { state.answer = HeldDescriptor(terminal) }
      return end(socket, &state)
    }
    waiting?.resume(returning: state.withLock { $0.answer })
  }

  func expire(_ now: BootTime) -> BootTime? {
    if now < deadline { return deadline }
    let waiting = state.withLock { state -> CheckedContinuation<HeldDescriptor?, Never>? in
      guard let socket = state.socket.take() else { return nil }
      return end(socket, &state)
    }
    waiting?.resume(returning: nil)
    return nil
  }

  private func end(_ socket: borrowing FD, _ state: inout State) -> CheckedContinuation<HeldDescriptor?, Never>? {
    monitor.unwatch(socket.raw)
    monitor.forget(state.token)
    return state.waiting.take()
  }
}
