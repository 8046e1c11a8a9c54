import BerthCore
import BerthManifest

/// Where a pod with a schedule stands in it. Times are seconds since 1970, so that a clock that is set is followed.
public struct ScheduledTurn: Hashable, Sendable {
  /// The time of the run that is to be there now; nil where none is.
  public var due: Int64?
  /// When the next one comes, by the clock that never jumps.
  public var next: Instant?
  /// The time of a run that `starting_deadline` has passed over.
  public var missed: Int64?
  /// Why nothing can be told.
  public var problem: String?

  public init(due: Int64? = nil, next: Instant? = nil, missed: Int64? = nil, problem: String? = nil) {
    (self.due, self.next, self.missed, self.problem) = (due, next, missed, problem)
  }

  /// A clock that was set back further than this was wrong before; up to it, it was put right, and no run comes twice.
  /// Source: cron(8), which lets 3 hours pass as a change of daylight saving time.
  private static let correction: Int64 = 3 * 3600

  /// What counts as the newest run of those that are known, at `now`. nil where all of them are of a clock that was wrong: then the
  /// schedule begins anew.
  public static func start(after runs: [Int64], now: Int64) -> Int64? { runs.filter { $0 <= now + correction && $0 > .min }.max() }

  /// `last`: the time of the newest run, or when the schedule began. Of the runs that are due since, the newest alone is begun.
  public init(_ schedule: ScheduleSpec, in zone: TimeZoneRules, last: Int64, wallNow: Timestamp, now: Instant) {
    let seconds = wallNow.nanoseconds / 1_000_000_000
    if let newest = schedule.expression.last(after: last, until: seconds, in: zone) {
      let lateness = Duration.seconds(seconds - newest)
      if let deadline = schedule.startingDeadline, lateness > deadline { missed = newest } else { due = newest }
    }
    guard let time = schedule.expression.next(after: max(last, seconds), in: zone) else { return }
    let (nanoseconds, overflow) = time.multipliedReportingOverflow(by: 1_000_000_000)
    if !overflow { next = now + .nanoseconds(nanoseconds - wallNow.nanoseconds) }
  }
}
