import BerthCore
import BerthLinux
import BerthRuntime
import Synchronization

/// How a command in a container ended, and what it wrote.
public struct ExecResult: Sendable, Equatable {
  /// As a shell counts: 128 + n after signal n.
  public var exitCode: Int32
  /// Standard output and standard error in the order in which they were written, at most `Pod.execOutputLimit` bytes.
  public var output: [UInt8]
  /// Whether there was more, which was read and dropped.
  public var isTruncated: Bool

  public init(exitCode: Int32, output: [UInt8], isTruncated: Bool = false) {
    self.exitCode = exitCode
    self.output = output
    self.isTruncated = isTruncated
  }
}

/// The client of a session whose output is kept: reads it on the monitor's thread until the process has ended.
final class CapturedExec: MonitoredSource {
  private struct State: ~Copyable {
    /// nil once it is over.
    var open: Open?
    var output: [UInt8] = []
    var isTruncated = false
    var waiting: CheckedContinuation<Result<ExecResult, BerthError>, Never>?
    var result: Result<ExecResult, BerthError>?
  }

  private struct Open: ~Copyable {
    let socket: FD
    let pipe: FD
    var socketToken: UInt64 = 0
    var pipeToken: UInt64 = 0
  }

  private let subject: String
  private let limit: Int
  private let deadline: BootTime?
  private let monitor: ShimMonitor
  private let state: Mutex<State>

  /// `socket`: connected to a session that has not begun. The shim keeps the command's own time limit; `deadline` is for a shim that
  /// doesn't answer.
  init(socket: consuming FD, subject: String, limit: Int, deadline: BootTime?, monitor: ShimMonitor) throws(Errno) {
    self.subject = subject
    self.limit = limit
    self.deadline = deadline
    self.monitor = monitor
    let pipe = try ChildChannel.pipe()
    let null = try Files.openNull()
    let writer = pipe.child.raw
    try PacketConnection.send(SessionMessage.begin.encoded(), passing: [null.raw, writer, writer], over: socket)
    let reader = pipe.keepOurs()
    try reader.setNonBlocking()
    state = Mutex(State(open: Open(socket: consume socket, pipe: consume reader)))
    try startWatching()
    if let deadline { monitor.expect(deadline) }
  }

  private func startWatching() throws(Errno) {
    try state.withLock { (state) throws(Errno) in
      guard var open = state.open.take() else { return }
      open.socketToken = try monitor.watch(open.socket.raw, for: self)
      do throws(Errno) { open.pipeToken = try monitor.watch(open.pipe.raw, for: self) } catch {
        monitor.forget(open.socketToken)
        throw error
      }
      state.open = consume open
    }
  }

  /// At most one task may wait.
  func value() async throws(BerthError) -> ExecResult {
    let result = await withCheckedContinuation { continuation in
      let ready = state.withLock { state -> Result<ExecResult, BerthError>? in
        if state.result == nil { state.waiting = continuation }
        return state.result
      }
      if let ready { continuation.resume(returning: ready) }
    }
    return try result.get()
  }

  func ready(_ token: UInt64, _ buffer: UnsafeMutableRawBufferPointer) {
    let waiting = state.withLock { state -> CheckedContinuation<Result<ExecResult, BerthError>, Never>? in
      guard var open = state.open.take() else { return nil }
      if token == open.pipeToken {
        if !Self.read(&state, open.pipe, buffer, limit) { Self.stopReading(&open, monitor) }
        state.open = consume open
        return nil
      }
      guard let outcome = outcome(open.socket, buffer) else {
        state.open = consume open
        return nil
      }
      // What it wrote before its end is in the pipe by now; what its children write later is not waited for.
      // A pipe holds 64 KiB, or up to 1 MiB: enough rounds for any, and an end with those who never stop writing.
      if open.pipeToken != 0 { for _ in 0..<32 where Self.hasMore(open.pipe) { _ = Self.read(&state, open.pipe, buffer, limit) } }
      Self.stopReading(&open, monitor)
      monitor.unwatch(open.socket.raw)
      monitor.forget(open.socketToken)
      state.result = outcome.map { ExecResult(exitCode: $0, output: state.output, isTruncated: state.isTruncated) }
      return state.waiting.take()
    }
    deliver(waiting)
  }

  func expire(_ now: BootTime) -> BootTime? {
    guard let deadline else { return nil }
    if now < deadline { return deadline }
    let waiting = state.withLock { state -> CheckedContinuation<Result<ExecResult, BerthError>, Never>? in
      guard var open = state.open.take() else { return nil }
      Self.stopReading(&open, monitor)
      monitor.unwatch(open.socket.raw)
      monitor.forget(open.socketToken)
      state.result = .failure(BerthError(.deadlineExceeded, "exec in container", subject, cause: "the shim gave no answer in time"))
      return state.waiting.take()
    }
    deliver(waiting)
    return nil
  }

  private func deliver(_ waiting: CheckedContinuation<Result<ExecResult, BerthError>, Never>?) {
    guard let waiting, let result = state.withLock({ $0.result }) else { return }
    waiting.resume(returning: result)
  }

  private static func stopReading(_ open: inout Open, _ monitor: ShimMonitor) {
    guard open.pipeToken != 0 else { return }
    monitor.unwatch(open.pipe.raw)
    monitor.forget(open.pipeToken)
    open.pipeToken = 0
  }

  private static func hasMore(_ pipe: borrowing FD) -> Bool {
    (try? Descriptors.waitReadable([pipe.raw], timeout: .zero))?.isEmpty == false
  }

  /// False at the end of the stream.
  private static func read(
    _ state: inout State, _ pipe: borrowing FD, _ buffer: UnsafeMutableRawBufferPointer, _ limit: Int
  ) -> Bool {
    let count: Int
    do throws(Errno) { count = try pipe.read(into: buffer) } catch { return error == .again }
    let kept = min(count, limit - state.output.count)
    state.output.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<kept]))
    if kept < count { state.isTruncated = true }
    return count > 0
  }

  /// nil: it goes on.
  private func outcome(_ socket: borrowing FD, _ buffer: UnsafeMutableRawBufferPointer) -> Result<Int32, BerthError>? {
    switch try? PacketConnection.receive(into: buffer, from: socket) {
    case .message(let count):
      switch (try? SessionMessage(packet: [UInt8](buffer[..<count]))) ?? nil {
      case .ended(let exitCode, _): return .success(exitCode)
      case .failed(let error): return .failure(error)
      default: return nil
      }
    case .nothing: return nil
    case .truncated, .closed, nil:
      return .failure(BerthError(.unavailable, "exec in container", subject, cause: "the connection to the shim is lost"))
    }
  }
}
