import BerthCore

/// Makes a pod a job that runs again and again.
public struct ScheduleSpec: Hashable, Sendable {
  /// What happens when a run is due while the one before still goes on.
  public enum ConcurrencyPolicy: String, Sendable, CaseIterable {
    /// Both go on side by side.
    case allow
    /// It waits for its end, within `startingDeadline`.
    case forbid
    /// It takes its place.
    case replace
  }

  public var expression: CronExpression
  /// A name of the time zone database; nil for the node's own.
  public var timeZone: String?
  public var concurrencyPolicy = ConcurrencyPolicy.forbid
  /// How late a run may be begun; nil for any time.
  public var startingDeadline: Duration?

  public init(_ expression: CronExpression) { self.expression = expression }

  var json: JSON { .string(expression.text) }
}

extension PodSpec {
  func addSchedule(to members: inout SpecMembers, usual: ScheduleSpec?) {
    members.add("schedule", schedule?.json ?? .null, isUsual: schedule?.expression == usual?.expression)
    members.add("time_zone", .optional(schedule?.timeZone), isUsual: schedule?.timeZone == usual?.timeZone)
    members.add(
      "concurrency_policy", .optional(schedule?.concurrencyPolicy.rawValue),
      isUsual: schedule?.concurrencyPolicy == usual?.concurrencyPolicy)
    members.add(
      "starting_deadline", schedule?.startingDeadline.map { .duration($0) } ?? .null,
      isUsual: schedule?.startingDeadline == usual?.startingDeadline)
  }

  static func schedule(_ reader: SpecReader) throws(BerthError) -> ScheduleSpec? {
    guard let expression = try reader.optional("schedule", { $0.string.flatMap { CronExpression($0) } }) else { return nil }
    var schedule = ScheduleSpec(expression)
    schedule.timeZone = try reader.optional("time_zone", \.string)
    try reader.read("concurrency_policy", into: &schedule.concurrencyPolicy)
    schedule.startingDeadline = try reader.optional("starting_deadline", SpecReader.duration)
    return schedule
  }
}
