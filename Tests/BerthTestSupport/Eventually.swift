import BerthCore
import BerthLinux
import Glibc

/// Looks at `condition` until it gives a value, at most `deadline` long; what was `seen` last goes into the failure. For facts that no
/// event tells a test of (another process's files, a cgroup's counters).
public func eventually<Value>(
  _ what: String, within deadline: Duration = .seconds(20), seen: () -> String = { "" }, _ condition: () throws -> Value?
) throws -> Value {
  let clock = ContinuousClock()
  let end = clock.now + deadline
  while true {
    if let value = try condition() { return value }
    guard clock.now < end else { throw TestFailure("not within \(deadline): \(what). \(seen())") }
    usleep(10_000)
  }
}

/// As the other `eventually`, for a condition without a value.
public func eventually(
  _ what: String, within deadline: Duration = .seconds(20), seen: () -> String = { "" }, that condition: () throws -> Bool
) throws {
  _ = try eventually(what, within: deadline, seen: seen) { try condition() ? true : nil }
}
