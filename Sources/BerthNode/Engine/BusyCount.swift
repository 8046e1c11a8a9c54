import Synchronization

/// How many workers have something to look at: whether all are at rest is known without asking each.
final class BusyCount: Sendable {
  private let count = Atomic(0)

  func begin() { count.add(1, ordering: .sequentiallyConsistent) }
  /// Whether this was the last one.
  func end() -> Bool { count.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 }
  var isZero: Bool { count.load(ordering: .sequentiallyConsistent) == 0 }
}
