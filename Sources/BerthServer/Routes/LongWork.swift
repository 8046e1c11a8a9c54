import BerthCore
import BerthLinux
import Synchronization

/// Work that waits for registries, for archives or for a whole disk: a thread each, so that it keeps no other call waiting.
final class LongWork: Sendable {
  /// At a time.
  private static let most = 64
  private let count = Atomic(0)

  /// Begins `body`. Throws `resourceExhausted` where too much is under way.
  func start(_ operation: String, _ subject: String, _ body: @escaping @Sendable () -> Void) throws(BerthError) {
    func refuse(_ cause: String) -> BerthError {
      count.subtract(1, ordering: .relaxed)
      return BerthError(.resourceExhausted, operation, subject, cause: cause)
    }
    guard count.add(1, ordering: .relaxed).newValue <= Self.most else {
      throw refuse("\(Self.most) transfers are under way; try again once one is done")
    }
    do throws(Errno) {
      try NativeThread.startDetached { [self] in
        body()
        count.subtract(1, ordering: .relaxed)
      }
    } catch { throw refuse("no thread can be started: \(error)") }
  }

  /// As `start`; returns what `body` does.
  func run<Value: Sendable>(
    _ operation: String, _ subject: String, _ body: @escaping @Sendable () throws(BerthError) -> Value
  ) async throws(BerthError) -> Value {
    let result = await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, BerthError>, Never>) in
      do throws(BerthError) {
        try start(operation, subject) {
          do throws(BerthError) { continuation.resume(returning: .success(try body())) } catch {
            continuation.resume(returning: .failure(error))
          }
        }
      } catch { continuation.resume(returning: .failure(error)) }
    }
    return try result.get()
  }
}
