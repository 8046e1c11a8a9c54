import BerthCore

/// Standard and daylight saving time of every year, from the rule at the end of a time zone file: `CET-1CEST,M3.5.0,M10.5.0/3`.
/// Source: POSIX.1-2017, 8.3 "TZ"; RFC 9636, 3.3.1.
struct RecurringOffset: Hashable, Sendable {
  private let standard: Int64
  private let saving: (offset: Int64, start: YearDay, end: YearDay)?

  static func == (a: Self, b: Self) -> Bool {
    a.standard == b.standard && a.saving?.offset == b.saving?.offset && a.saving?.start == b.saving?.start && a.saving?.end == b.saving?.end
  }
  func hash(into hasher: inout Hasher) {
    hasher.combine(standard)
    hasher.combine(saving?.offset)
  }

  /// nil where there is none.
  init?(_ text: String) {
    var scanner = Scanner(text)
    guard scanner.name(), let west = scanner.time() else { return nil }
    standard = -west
    if scanner.isAtEnd {
      saving = nil
      return
    }
    guard scanner.name() else { return nil }
    let offset = scanner.peek == UInt8(ascii: ",") ? standard + 3600 : scanner.time().map { -$0 }
    guard let offset, scanner.take(","), let start = scanner.yearDay(), scanner.take(","), let end = scanner.yearDay(), scanner.isAtEnd
    else { return nil }
    saving = (offset, start, end)
  }

  func offset(at time: Int64) -> Int64 {
    guard let saving else { return standard }
    let year = CivilDate(daysSince1970: (time + standard).dividedDown(by: 86_400)).year
    // Each in the time that holds until then.
    let start = saving.start.second(of: year) - standard
    let end = saving.end.second(of: year) - saving.offset
    let isSaving = start <= end ? time >= start && time < end : time >= start || time < end
    return isSaving ? saving.offset : standard
  }

  enum Day: Hashable, Sendable {
    /// Week 5 is the last. Sunday is 0.
    case weekday(month: Int64, week: Int64, day: Int64)
    /// From 1; February 29 is never counted.
    case julian(Int64)
    /// From 0.
    case ordinal(Int64)
  }

  struct YearDay: Hashable, Sendable {
    var day: Day
    var time: Int64

    /// Since 1970, as its clocks show it.
    func second(of year: Int64) -> Int64 {
      let first = CivilDate(year: year, month: 1, day: 1).daysSince1970
      let days =
        switch day {
        case .ordinal(let day): first + day
        case .julian(let day): first + day - 1 + (CivilDate.isLeap(year) && day >= 60 ? 1 : 0)
        case .weekday(let month, let week, let weekday): Self.day(weekday, week, of: month, year)
        }
      return days * 86_400 + time
    }

    private static func day(_ weekday: Int64, _ week: Int64, of month: Int64, _ year: Int64) -> Int64 {
      let first = CivilDate(year: year, month: month, day: 1)
      var day = (weekday - first.weekday + 7) % 7 + (week - 1) * 7
      if day >= CivilDate.days(in: month, of: year) { day -= 7 }
      return first.daysSince1970 + day
    }
  }

  private struct Scanner {
    private var bytes: ArraySlice<UInt8>
    init(_ text: String) { bytes = Array(text.utf8)[...] }

    var isAtEnd: Bool { bytes.isEmpty }
    var peek: UInt8? { bytes.first }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
      guard bytes.first == UInt8(ascii: character) else { return false }
      bytes.removeFirst()
      return true
    }

    /// `CET`, or `<+03>`.
    mutating func name() -> Bool {
      let isQuoted = take("<")
      let count = bytes.prefix { isQuoted ? $0 != UInt8(ascii: ">") : ($0 | 0x20) >= 97 && ($0 | 0x20) <= 122 }.count
      bytes.removeFirst(count)
      return count >= 3 && (!isQuoted || take(">"))
    }

    mutating func number(_ limit: Int64) -> Int64? {
      let digits = bytes.prefix { (48...57).contains($0) }.prefix(4)
      guard !digits.isEmpty else { return nil }
      bytes.removeFirst(digits.count)
      let value = digits.reduce(0) { $0 * 10 + Int64($1 - 48) }
      return value <= limit ? value : nil
    }

    /// `[+-]h[:m[:s]]` in seconds.
    mutating func time() -> Int64? {
      let sign: Int64 = take("-") ? -1 : 1
      if sign == 1 { _ = take("+") }
      guard let hours = number(167) else { return nil }
      var seconds = hours * 3600
      if take(":") {
        guard let minutes = number(59) else { return nil }
        seconds += minutes * 60
        if take(":") {
          guard let rest = number(59) else { return nil }
          seconds += rest
        }
      }
      return sign * seconds
    }

    mutating func yearDay() -> YearDay? {
      guard let day = day() else { return nil }
      guard take("/") else { return YearDay(day: day, time: 7200) }
      return time().map { YearDay(day: day, time: $0) }
    }

    private mutating func day() -> Day? {
      if take("J") { return number(365).flatMap { $0 >= 1 ? .julian($0) : nil } }
      guard take("M") else { return number(365).map { .ordinal($0) } }
      guard let month = number(12), month >= 1, take("."), let week = number(5), week >= 1, take("."), let weekday = number(6) else {
        return nil
      }
      return .weekday(month: month, week: week, day: weekday)
    }
  }
}
