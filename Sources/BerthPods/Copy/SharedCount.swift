import Synchronization

/// How many of something there are at once, in all threads.
final class SharedCount: Sendable {
  private let count = Atomic<UInt64>(0)

  /// False, and nothing is counted, where there are `limit` already.
  func enter(below limit: UInt64) -> Bool {
    if count.add(1, ordering: .relaxed).newValue <= limit { return true }
    leave()
    return false
  }

  func leave() { count.subtract(1, ordering: .relaxed) }
}
