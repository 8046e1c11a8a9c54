import BerthCore

extension PodDecoder {
  /// After `restart_policy`, whose default it changes.
  mutating func schedule(_ spec: inout PodSpec) {
    guard let expression = root["schedule"]?.string.flatMap({ CronExpression($0) }) else {
      for name in ["time_zone", "concurrency_policy", "starting_deadline"] where root["schedule"] == nil {
        if let entry = root.entry(name) { sink.error("'\(name)' needs 'schedule' beside it", at: entry.keyRange) }
      }
      return
    }
    var schedule = ScheduleSpec(expression)
    schedule.timeZone = root["time_zone"]?.string
    if let value = root["time_zone"], let path = schedule.timeZone.flatMap(TimeZoneRules.path) {
      references.append(ContentReference(path: path, range: value.range, use: .timeZone))
    }
    if let policy = root["concurrency_policy"] {
      schedule.concurrencyPolicy = policy.string.flatMap { ScheduleSpec.ConcurrencyPolicy(rawValue: $0) } ?? .forbid
    }
    schedule.startingDeadline = positive(root, "starting_deadline")
    if root["restart_policy"] == nil {
      spec.restartPolicy = .onFailure
    } else if spec.restartPolicy == .always, let value = root["restart_policy"] {
      sink.error("a pod with a 'schedule' ends; 'restart_policy' must be \"on-failure\" or \"never\"", at: value.range)
    }
    if root["update"]?.table?["strategy"]?.string == "start-first", let entry = root.entry("update") {
      sink.error("'update.strategy' has no meaning for a pod with a 'schedule': its next run is its update", at: entry.keyRange)
    }
    spec.schedule = schedule
  }
}
