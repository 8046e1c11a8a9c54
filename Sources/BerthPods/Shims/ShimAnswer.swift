import BerthCore
import BerthRuntime
import Synchronization

/// A request that has been sent, and what becomes of it. Requests are sent in the order in which they are made, so that several can be
/// under way: send them all, then await each.
public final class ShimAnswer: Sendable {
  private enum State {
    case open
    case awaited(CheckedContinuation<Result<ShimReply, BerthError>, Never>)
    case done(Result<ShimReply, BerthError>)
  }

  let request: UInt32
  let operation: String
  let podDirectory: String
  private let state = Mutex(State.open)

  init(request: UInt32, operation: String, podDirectory: String) {
    self.request = request
    self.operation = operation
    self.podDirectory = podDirectory
  }

  /// The shim's reply, or the error it answered with; `.unavailable` when the connection ended, `.deadlineExceeded` when it took too long.
  /// At most one task may wait.
  public func value() async throws(BerthError) -> ShimReply {
    let result = await withCheckedContinuation { continuation in
      let ready: Result<ShimReply, BerthError>? = state.withLock { state in
        switch state {
        case .done(let result): return result
        case .open: state = .awaited(continuation)
        case .awaited: return .failure(BerthError(.bug, operation, podDirectory, cause: "two tasks await one answer"))
        }
        return nil
      }
      if let ready { continuation.resume(returning: ready) }
    }
    if case .error(let error) = try result.get() { throw error }
    return try result.get()
  }

  /// The first result counts.
  func fulfil(_ result: Result<ShimReply, BerthError>) {
    let waiting: CheckedContinuation<Result<ShimReply, BerthError>, Never>? = state.withLock { state in
      defer { if case .done = state {} else { state = .done(result) } }
      if case .awaited(let continuation) = state { return continuation }
      return nil
    }
    waiting?.resume(returning: result)
  }

  func fail(_ code: ErrorCode, _ cause: String) { fulfil(.failure(BerthError(code, operation, podDirectory, cause: cause))) }
}
