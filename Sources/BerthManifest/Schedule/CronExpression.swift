import BerthCore

/// When a job runs: the five fields of crontab(5), or one of its words. Each field is the set of the values it allows.
public struct CronExpression: Hashable, Sendable {
  public let text: String
  let minutes: UInt64
  let hours: UInt64
  let days: UInt64
  let months: UInt64
  /// Sunday is 0.
  let weekdays: UInt64
  /// Day of month and day of week: where both are restricted, a day need be only one of them. Source: crontab(5).
  let isAnyDay: Bool
  let isAnyWeekday: Bool
  /// Counts the time that passes instead of naming times of the day: every hour, every 10 minutes. When clocks are put back or forward it
  /// goes on as before, where a named time comes once. Source: cron(8), "Daylight Saving Time".
  public let isInterval: Bool

  static let words = [
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
  ]
  static let help = "a cron expression: minute, hour, day of month, month and day of week (\"30 2 * * *\"), or @hourly, @daily, @weekly…"

  /// nil for what is none, and for one that never comes, such as February 30.
  public init?(_ text: String) {
    let fields = Self.fields(of: text)
    guard fields.count == 5, let minutes = CronField.minute.set(fields[0]), let hours = CronField.hour.set(fields[1]),
      let days = CronField.day.set(fields[2]), let months = CronField.month.set(fields[3]), let weekdays = CronField.weekday.set(fields[4])
    else { return nil }
    self.text = text
    (self.minutes, self.hours, self.days, self.months) = (minutes, hours, days, months)
    // Both 0 and 7 are Sunday.
    self.weekdays = (weekdays | weekdays >> 7) & 0x7F
    (isAnyDay, isAnyWeekday) = (CronField.isAny(fields[2]), CronField.isAny(fields[4]))
    isInterval = CronField.isAny(fields[1])
    let longest: [UInt64] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    let comes = (1...12).contains { month in
      months >> UInt64(month) & 1 == 1 && days & ((1 << (longest[month - 1] + 1)) - 1) != 0
    }
    guard comes || (!isAnyDay && !isAnyWeekday) else { return nil }
  }

  static func fields(of text: String) -> [String] {
    (words[text] ?? text).split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
  }

  func allows(_ date: CivilDate) -> Bool {
    guard months >> UInt64(date.month) & 1 == 1 else { return false }
    let isDay = days >> UInt64(date.day) & 1 == 1
    let isWeekday = weekdays >> UInt64(date.weekday) & 1 == 1
    return isAnyDay || isAnyWeekday ? isDay && isWeekday : isDay || isWeekday
  }

  func allows(minuteOfDay minute: Int64) -> Bool { hours >> UInt64(minute / 60) & 1 == 1 && minutes >> UInt64(minute % 60) & 1 == 1 }

  /// The first minute of the day from `minute` on; nil if the day has none.
  func minuteOfDay(from minute: Int64) -> Int64? {
    var minute = minute
    while minute < 1440 {
      if hours >> UInt64(minute / 60) & 1 == 0 {
        minute = (minute / 60 + 1) * 60
      } else if minutes >> UInt64(minute % 60) & 1 == 0 {
        minute += 1
      } else {
        return minute
      }
    }
    return nil
  }
}

/// One field's values, names and syntax: `*`, `5`, `1-5`, `*/10`, `1-30/2`, `mon,wed`.
struct CronField {
  /// What it says, in a sentence.
  let name: String
  let range: ClosedRange<Int>
  var names: [String] = []
  /// Of the first name.
  var base = 0

  static let minute = CronField(name: "minute", range: 0...59)
  static let hour = CronField(name: "hour", range: 0...23)
  static let day = CronField(name: "day of month", range: 1...31)
  static let month = CronField(
    name: "month", range: 1...12, names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], base: 1)
  static let weekday = CronField(
    name: "day of week", range: 0...7, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"])

  static func isAny(_ text: String) -> Bool { text.hasPrefix("*") || text == "?" }

  func set(_ text: String) -> UInt64? {
    var set: UInt64 = 0
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let values = values(part) else { return nil }
      for value in values { set |= 1 << UInt64(value) }
    }
    return set
  }

  private func values(_ part: Substring) -> StrideThrough<Int>? {
    let halves = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    var step = 1
    if halves.count == 2 {
      guard let given = TextFormat.decimal(halves[1]), (1...60).contains(given) else { return nil }
      step = Int(given)
    }
    if halves[0] == "*" || (halves[0] == "?" && halves.count == 1) {
      // The 7 of weekdays is the 0 again.
      return stride(from: range.lowerBound, through: range.upperBound == 7 ? 6 : range.upperBound, by: step)
    }
    let ends = halves[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = value(ends[0]), let last = ends.count == 2 ? value(ends[1]) : halves.count == 2 ? range.upperBound : first,
      first <= last
    else { return nil }
    return stride(from: first, through: last, by: step)
  }

  private func value(_ text: Substring) -> Int? {
    if let at = names.firstIndex(of: text.lowercased()) { return at + base }
    guard !text.isEmpty, let number = TextFormat.decimal(text).flatMap({ Int(exactly: $0) }), range.contains(number) else { return nil }
    return number
  }
}
