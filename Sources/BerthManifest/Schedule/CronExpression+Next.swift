import BerthCore

extension CronExpression {
  /// The first time after `time` (both in seconds since 1970) at which it comes in a zone with these rules; nil if none comes in the next
  /// 40 years.
  ///
  /// Where clocks skip a named time it comes at the moment of the change; where they show it twice, the first time alone. An interval
  /// goes by the time that passes: nothing is made up for, nothing is left out.
  public func next(after time: Int64, in zone: TimeZoneRules) -> Int64? {
    // Beyond these no date is computed.
    guard (-62_000_000_000...250_000_000_000).contains(time) else { return nil }
    return isInterval ? nextInterval(after: time, zone) : nextNamed(after: time, zone)
  }

  private static let days: Int64 = 40 * 366

  private func nextNamed(after time: Int64, _ zone: TimeZoneRules) -> Int64? {
    // From the day before, since clocks may have been put back meanwhile.
    let today = (time + zone.offset(at: time)).dividedDown(by: 86_400)
    for day in today - 1...today + Self.days where allows(CivilDate(daysSince1970: day)) {
      var minute = minuteOfDay(from: 0)
      while let found = minute {
        let next = zone.time(local: day * 86_400 + found * 60)
        if next > time { return next }
        minute = minuteOfDay(from: found + 1)
      }
    }
    return nil
  }

  private func nextInterval(after time: Int64, _ zone: TimeZoneRules) -> Int64? {
    var next = (time.dividedDown(by: 60) + 1) * 60
    let end = next + Self.days * 86_400
    while next < end {
      let local = next + zone.offset(at: next)
      let day = local.dividedDown(by: 86_400)
      let minute = (local - day * 86_400) / 60
      // An offset with seconds: its minutes begin between those of UTC.
      let rest = local - day * 86_400 - minute * 60
      if !allows(CivilDate(daysSince1970: day)) {
        // To the end of the day, short of a change of the clocks in it.
        next += max(60, min((1440 - minute) * 60 - rest, 3600))
      } else if rest == 0, allows(minuteOfDay: minute) {
        return next
      } else {
        next += 60 - rest
      }
    }
    return nil
  }

  /// The last time after `time` and not after `limit` at which it comes; nil if none does.
  public func last(after time: Int64, until limit: Int64, in zone: TimeZoneRules) -> Int64? {
    // A long absence: whatever came before its last steps is passed over.
    var span: Int64 = 3600
    while limit - span > time {
      if let found = latest(after: limit - span, until: limit, zone) { return found }
      span *= 4
    }
    return latest(after: time, until: limit, zone)
  }

  private func latest(after time: Int64, until limit: Int64, _ zone: TimeZoneRules) -> Int64? {
    var last: Int64?
    var at = time
    while let next = next(after: at, in: zone), next <= limit {
      last = next
      at = next
    }
    return last
  }
}

extension Int64 {
  /// Rounded towards minus infinity. `divisor` is positive.
  func dividedDown(by divisor: Int64) -> Int64 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
