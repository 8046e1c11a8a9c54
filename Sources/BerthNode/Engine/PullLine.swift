import BerthPlan

/// Pulls from registries, those under way and those that wait: says which begins next.
///
/// A pull counts as long as something comes of it. One that stands still gives its place to a pull from another registry, so that a
/// registry that is dead, or dies halfway, holds up its own pods only. It goes on all the same, and counts again once it gets on: for a
/// moment there may be more than `limit`.
struct PullLine {
  /// For so long nothing has come of a pull that stands still.
  static let patience: Duration = .seconds(2)
  /// Of those that stand still, beside `limit` others: each is a process.
  static let mostStill = 16

  private struct Pull {
    var registry: String
    /// When it began, or something last came of it; nil while it waits.
    var moved: Instant?
  }

  /// Pulls that get on, and pulls from one registry.
  let limit: Int
  /// By number; the lower have waited longer.
  private var pulls: [Int: Pull] = [:]
  private var next = 0

  init(limit: Int) { self.limit = limit }

  /// Returns its number.
  mutating func add(from registry: String) -> Int {
    next += 1
    pulls[next] = Pull(registry: registry)
    return next
  }

  mutating func moved(_ number: Int, now: Instant) { pulls[number]?.moved = now }
  mutating func remove(_ number: Int) { pulls[number] = nil }

  /// Takes the next one that may begin; nil where none may.
  mutating func begin(now: Instant) -> Int? {
    guard let number = candidate, underWay.count(where: { $0 + Self.patience > now }) < limit else { return nil }
    pulls[number]?.moved = now
    return number
  }

  /// When one that waits may begin because others stand still; nil where none may before one ends.
  var nextLook: Instant? {
    let latest = underWay.sorted(by: >)
    return candidate == nil || latest.count < limit ? nil : latest[limit - 1] + Self.patience
  }

  private var underWay: [Instant] { pulls.values.compactMap(\.moved) }

  /// Of the registry with the fewest under way, the one that has waited longest.
  private var candidate: Int? {
    guard underWay.count < limit + Self.mostStill else { return nil }
    var busy: [String: Int] = [:]
    for pull in pulls.values where pull.moved != nil { busy[pull.registry, default: 0] += 1 }
    let waiting = pulls.filter { $0.value.moved == nil && busy[$0.value.registry, default: 0] < limit }
    return waiting.min { (busy[$0.value.registry, default: 0], $0.key) < (busy[$1.value.registry, default: 0], $1.key) }?.key
  }
}
