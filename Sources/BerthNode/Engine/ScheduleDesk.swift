import BerthCore
import BerthLinux
import BerthManifest
import BerthPlan
import Synchronization

/// What pods with a schedule need beside the planner: the rules of their time zones, what ran last, and word of a clock that was set.
///
/// What ran last is a file a pod below the root, since a reboot must not let a run be forgotten or come twice.
final class ScheduleDesk: Sendable {
  private let folder: String
  private let events: EventLog
  private let clockChanged: @Sendable () -> Void
  private let isWatching = Mutex(false)
  private let isFrozen = Atomic(false)

  init(folder: String, events: EventLog, clockChanged: @escaping @Sendable () -> Void) {
    (self.folder, self.events, self.clockChanged) = (folder, events, clockChanged)
  }

  /// Where `spec` stands in its schedule; nil of a pod without one. `run`: the one that is there. `isAsked`: not only somebody's question
  /// what would be done.
  func turn(of spec: PodSpec, run: Int64?, isAsked: Bool, wallNow: Timestamp, now: Instant) -> ScheduledTurn? {
    guard let schedule = spec.schedule else { return nil }
    watchClock()
    let zone: TimeZoneRules
    do throws(BerthError) { zone = try Self.rules(schedule.timeZone) } catch { return ScheduledTurn(problem: "\(error)") }
    let seconds = wallNow.nanoseconds / 1_000_000_000
    let start = last(of: spec.key, schedule).flatMap { ScheduledTurn.start(after: [$0, run ?? .min], now: seconds) }
    // A schedule that is seen for the first time begins now.
    if start == nil, isAsked { keep(seconds, of: spec.key, schedule) }
    return ScheduledTurn(schedule, in: zone, last: start ?? seconds, wallNow: wallNow, now: now)
  }

  // MARK: time zones

  /// Read anew each time: a new version of the database counts from the next run on.
  static func rules(_ name: String?) throws(BerthError) -> TimeZoneRules {
    if let name, TimeZoneRules.path(of: name) == nil { return .utc }
    let path = name.flatMap(TimeZoneRules.path) ?? "/etc/localtime"
    let bytes: [UInt8]
    do throws(Errno) { bytes = try Files.read(path) } catch {
      // A node without a time zone of its own has UTC, as the C library has it.
      if name == nil, error == .notFound { return .utc }
      throw BerthError(.notFound, "read time zone", name ?? path, cause: "\(path): \(error) (Debian's tzdata has them)")
    }
    guard let rules = TimeZoneRules(tzif: bytes) else {
      throw BerthError(.invalidArgument, "read time zone", name ?? path, cause: "\(path) is no time zone file")
    }
    return rules
  }

  // MARK: what ran last

  private func path(_ key: PodKey) -> String { "\(folder)/\(key.namespace)_\(key.name).json" }

  /// nil of another schedule than this one: its times are no measure for this one's.
  private func last(of key: PodKey, _ schedule: ScheduleSpec) -> Int64? {
    guard let bytes = try? Files.read(path(key)), let json = try? JSON(parsing: bytes),
      json["schedule"]?.string == schedule.expression.text,
      json["time_zone"]?.string == schedule.timeZone
    else { return nil }
    return json["last"]?.integer
  }

  func keep(_ last: Int64, of key: PodKey, _ schedule: ScheduleSpec) {
    let json: JSON = [
      "version": 1, "schedule": .string(schedule.expression.text), "time_zone": .optional(schedule.timeZone), "last": .integer(last),
    ]
    do throws(Errno) {
      try Files.makeDirectories(folder)
      try Files.writeAtomically(json.encoded(), to: path(key))
    } catch {
      events.record("Failed", "write down the last run in \(path(key)): \(error)", pod: key, severity: .warning)
    }
  }

  func forget(_ key: PodKey) { if !isFrozen.load(ordering: .relaxed) { try? Files.unlink(path(key)) } }

  /// From now on pods go only because the node does.
  func freeze() { isFrozen.store(true, ordering: .relaxed) }

  // MARK: the clock

  /// One thread, and none before the first schedule.
  private func watchClock() {
    guard
      isWatching.withLock({ isWatching in
        defer { isWatching = true }
        return !isWatching
      })
    else { return }
    Threads.start("berth-clock") { [self] in
      do throws(Errno) {
        let changes = try ClockChanges()
        while true {
          try changes.wait()
          clockChanged()
        }
      } catch { events.record("Failed", "watch the clock: \(error)", severity: .warning) }
    }
  }
}
