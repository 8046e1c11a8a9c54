import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

@testable import BerthManifest

/// Seconds since 1970 of `2026-03-29 01:00:00`.
private func at(_ text: String) throws -> Int64 {
  let date = text.split(separator: " ").joined(separator: "T") + "Z"
  return try #require(Timestamp(date)).nanoseconds / 1_000_000_000
}

private func text(_ time: Int64?) -> String {
  time.map { String(Timestamp(nanoseconds: $0 * 1_000_000_000).description.prefix(16)).replacing("T", with: " ") } ?? "never"
}

private func zone(_ name: String) throws -> TimeZoneRules {
  try #require(TimeZoneRules(tzif: try Files.read("/usr/share/zoneinfo/\(name)")), "tzdata is not installed")
}

@Suite("Schedules: when a job runs next")
struct CronTests {
  @Test(
    "the next times in UTC",
    arguments: [
      ("* * * * *", "2026-01-01 00:00:30", ["2026-01-01 00:01", "2026-01-01 00:02"]),
      ("*/15 * * * *", "2026-01-01 23:46:00", ["2026-01-02 00:00", "2026-01-02 00:15"]),
      ("30 2 * * *", "2026-01-01 02:30:00", ["2026-01-02 02:30"]),
      ("0 9-17/4 * * mon-fri", "2026-01-02 17:00:00", ["2026-01-05 09:00", "2026-01-05 13:00", "2026-01-05 17:00", "2026-01-06 09:00"]),
      ("0 0 29 2 *", "2026-01-01 00:00:00", ["2028-02-29 00:00", "2032-02-29 00:00"]),
      ("0 0 13 * fri", "2026-01-01 00:00:00", ["2026-01-02 00:00", "2026-01-09 00:00", "2026-01-13 00:00"]),
      ("0 0 */2 * 5", "2026-01-01 00:00:00", ["2026-01-09 00:00", "2026-01-23 00:00"]),
      ("0 12 31 * *", "2026-01-31 12:00:00", ["2026-03-31 12:00", "2026-05-31 12:00"]),
      ("5,10 0 1 jan,JUL ?", "2026-01-01 00:05:00", ["2026-01-01 00:10", "2026-07-01 00:05"]),
      ("0 0 * * 7", "2026-01-01 00:00:00", ["2026-01-04 00:00", "2026-01-11 00:00"]),
      ("@hourly", "2026-01-01 00:00:00", ["2026-01-01 01:00"]),
      ("@weekly", "2026-01-01 00:00:00", ["2026-01-04 00:00"]),
      ("@yearly", "2026-01-01 00:00:00", ["2027-01-01 00:00"]),
    ])
  func utc(expression: String, start: String, expected: [String]) throws {
    try check(expression, .utc, start, expected)
  }

  private func check(_ expression: String, _ zone: TimeZoneRules, _ start: String, _ expected: [String]) throws {
    let cron = try #require(CronExpression(expression))
    var time = try at(start)
    for wanted in expected {
      let next = cron.next(after: time, in: zone)
      #expect(text(next) == wanted, "\(expression) after \(text(time))")
      guard let next else { return }
      time = next
    }
  }

  @Test(
    "what is no expression, or never comes, is refused",
    arguments: [
      "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *",
      "*/0 * * * *", "*/x * * * *", "-1 * * * *", "+1 * * * *", "1,,2 * * * *", "a * * * *", "@reboot", "@every 5s", "0 0 30 2 *",
      "0 0 31 4,6 *", "9999999999999999999999 * * * *",
    ])
  func refused(expression: String) { #expect(CronExpression(expression) == nil) }

  // Berlin 2026: at 01:00 UTC of March 29 clocks go from 2:00 to 3:00, at 01:00 UTC of October 25 from 3:00 to 2:00.
  @Test(
    "changes of the clocks: a named time comes once a day, an interval goes by the time that passes",
    arguments: [
      ("30 2 * * *", "2026-03-28 00:00:00", ["2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"]),
      ("0 3 * * *", "2026-03-28 12:00:00", ["2026-03-29 01:00", "2026-03-30 01:00"]),
      ("0,30 2 * * *", "2026-03-28 12:00:00", ["2026-03-29 01:00", "2026-03-30 00:00", "2026-03-30 00:30"]),
      ("30 2 * * *", "2026-10-24 12:00:00", ["2026-10-25 00:30", "2026-10-26 01:30"]),
      ("30 2 * * *", "2026-10-25 00:30:00", ["2026-10-26 01:30"]),
      ("30 2 * * *", "2026-10-25 01:10:00", ["2026-10-26 01:30"]),
      ("0 3 * * *", "2026-10-24 12:00:00", ["2026-10-25 02:00", "2026-10-26 02:00"]),
      ("30 * * * *", "2026-03-29 00:00:00", ["2026-03-29 00:30", "2026-03-29 01:30", "2026-03-29 02:30"]),
      ("30 * * * *", "2026-10-24 23:45:00", ["2026-10-25 00:30", "2026-10-25 01:30", "2026-10-25 02:30"]),
      ("0 */6 * * *", "2026-10-24 21:00:00", ["2026-10-24 22:00", "2026-10-25 05:00", "2026-10-25 11:00"]),
      ("0 0 * * *", "2040-03-24 00:00:00", ["2040-03-24 23:00", "2040-03-25 22:00"]),
    ])
  func daylightSaving(expression: String, start: String, expected: [String]) throws {
    try check(expression, zone("Europe/Berlin"), start, expected)
  }

  @Test(
    "zones with half hours, with changes of half an hour or at midnight, on the southern half, or without rules",
    arguments: [
      ("Asia/Kolkata", "0 9 * * *", "2026-01-01 00:00:00", ["2026-01-01 03:30", "2026-01-02 03:30"]),
      ("Asia/Kolkata", "0 * * * *", "2026-01-01 00:00:00", ["2026-01-01 00:30", "2026-01-01 01:30"]),
      ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03 12:00:00", ["2026-10-03 15:30", "2026-10-04 15:15"]),
      ("America/Havana", "30 0 * * *", "2026-03-07 06:00:00", ["2026-03-08 05:00", "2026-03-09 04:30"]),
      ("America/Sao_Paulo", "0 0 * * *", "2026-01-01 00:00:00", ["2026-01-01 03:00"]),
      ("America/New_York", "30 1 * * *", "2026-10-31 12:00:00", ["2026-11-01 05:30", "2026-11-02 06:30"]),
    ])
  func zones(name: String, expression: String, start: String, expected: [String]) throws {
    try check(expression, zone(name), start, expected)
  }

  @Test(
    "the offsets of past and future are those that date(1) shows",
    arguments: [
      "Europe/Berlin", "Europe/Dublin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Tehran", "Africa/Casablanca",
      "Pacific/Apia", "Asia/Kathmandu", "America/St_Johns",
    ])
  func agreesWithDate(name: String) throws {
    let rules = try zone(name)
    let folder = try TemporaryDirectory("zones")
    let times = stride(from: Int64(-600_000_000), to: 2_900_000_000, by: 2_345_678).map { $0 }
    try folder.write(times.map { "@\($0)\n" }.joined(), to: "times")
    let shown = try Command.run("/usr/bin/env", ["TZ=\(name)", "date", "-f", "\(folder.path)/times", "+%z"])
    let offsets = times.map { time in
      let minutes = abs(rules.offset(at: time)) / 60
      let digits = String(10_000 + minutes / 60 * 100 + minutes % 60).dropFirst()
      return (rules.offset(at: time) < 0 ? "-" : "+") + digits
    }
    #expect(shown.stdout.split(separator: "\n").map(String.init) == offsets)
  }

  @Test("the last time before now, near or long ago")
  func last() throws {
    let cron = try #require(CronExpression("30 2 * * *"))
    let now = try at("2026-01-10 02:29:00")
    #expect(text(cron.last(after: try at("2020-01-01 00:00:00"), until: now, in: .utc)) == "2026-01-09 02:30")
    #expect(cron.last(after: try at("2026-01-09 02:30:00"), until: now, in: .utc) == nil)
    #expect(text(cron.last(after: try at("2026-01-09 02:30:00"), until: now + 60, in: .utc)) == "2026-01-10 02:30")
    let yearly = try #require(CronExpression("@yearly"))
    #expect(text(yearly.last(after: 0, until: now, in: .utc)) == "2026-01-01 00:00")
  }

  @Test("bytes that are no zone file, or a damaged one, never trap")
  func hostile() throws {
    let good = try Files.read("/usr/share/zoneinfo/Europe/Berlin")
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      var bytes = good
      for _ in 0..<Int.random(in: 1...8, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      if Bool.random(using: &generator) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator)) }
      if let rules = TimeZoneRules(tzif: bytes) { _ = CronExpression("30 2 * * *")?.next(after: 1_760_000_000, in: rules) }
    }
    #expect(TimeZoneRules(tzif: []) == nil)
  }
}

@Suite("Schedules in a manifest")
struct ScheduleDecodingTests {
  private func decode(_ pod: String) -> DecodedManifest {
    ManifestDecoder.decode(Array("network = \"none\"\n\(pod)\n[[container]]\nimage = \"a:1\"\n".utf8), file: "/m/job.toml")
  }

  @Test("a schedule, its defaults, and its way through a record") func good() throws {
    let full = try #require(
      decode("schedule = \"*/5 * * * *\"\ntime_zone = \"Etc/GMT+3\"\nconcurrency_policy = \"replace\"\nstarting_deadline = \"1m\"").spec)
    #expect(full.schedule?.timeZone == "Etc/GMT+3" && full.schedule?.concurrencyPolicy == .replace && full.restartPolicy == .onFailure)
    #expect(full.schedule?.startingDeadline == .seconds(60))
    #expect(try PodSpec(json: JSON(parsing: full.json.encoded())) == full)
    let short = try #require(decode("schedule = \"@daily\"\nrestart_policy = \"never\"").spec)
    #expect(decode("schedule = \"@daily\"\nconcurrency_policy = \"allow\"").spec?.schedule?.concurrencyPolicy == .allow)
    #expect(short.schedule?.concurrencyPolicy == .forbid && short.restartPolicy == .never)
    #expect(decode("").spec?.schedule == nil)
  }

  @Test(
    "what makes no sense is refused",
    arguments: [
      ("schedule = \"daily\"", "must be a cron expression"), ("schedule = \"* 24 * * *\"", "has \"24\" as its hour, where 0 to 23 belongs"),
      ("schedule = \"0 0 * * moon\"", "has \"moon\" as its day of week, where 0 to 7 or sun to sat belongs"),
      ("schedule = \"@every 5m\"", "has an unknown word; there are @annually, @daily"), ("schedule = \"0 0 30 2 *\"", "never comes"),
      ("time_zone = \"UTC\"", "needs 'schedule'"),
      ("schedule = \"@daily\"\nrestart_policy = \"always\"", "must be \"on-failure\" or \"never\""),
      ("schedule = \"@daily\"\ntime_zone = \"../etc/passwd\"", "time zone database"),
      ("schedule = \"@daily\"\nupdate = { strategy = \"start-first\" }", "its next run is its update"),
      ("schedule = \"@daily\"\nstarting_deadline = \"0s\"", "must be longer than 0s"),
    ])
  func bad(pod: String, words: String) {
    let found = decode(pod).diagnostics.map(\.message)
    #expect(found.contains { $0.contains(words) }, "\(found)")
  }
}
