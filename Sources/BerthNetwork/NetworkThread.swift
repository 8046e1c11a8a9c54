import BerthCore
import BerthLinux

/// The one thread that changes networks: it alone may stand in another namespace for a moment, and the kernel takes one change of
/// interfaces at a time anyway. Started when it is first needed.
final class NetworkThread: Sendable {
  private let queue = BlockingQueue<@Sendable () -> Void>()

  init() {
    Threads.start("berth-network") { [queue] in while true { queue.pop()() } }
  }

  func run<Value: Sendable>(_ body: @escaping @Sendable () throws(BerthError) -> Value) async throws(BerthError) -> Value {
    let result = await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, BerthError>, Never>) in
      queue.push {
        do throws(BerthError) { continuation.resume(returning: .success(try body())) } catch {
          continuation.resume(returning: .failure(error))
        }
      }
    }
    return try result.get()
  }
}
