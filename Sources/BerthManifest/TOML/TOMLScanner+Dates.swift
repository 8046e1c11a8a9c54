// Dates and times. Source: toml.io/en/v1.0.0 "Offset Date-Time" to "Local Time", RFC 3339 section 5.6.
extension TOMLScanner {
  /// Whether the token can only be a date (`1979-…`) or a time (`07:…`).
  static func looksLikeDate(_ token: ArraySlice<UInt8>) -> Bool {
    let text = Array(token.prefix(5))
    if text.count >= 3, text[2] == UInt8(ascii: ":") { return isDigit(text[0]) && isDigit(text[1]) }
    return text.count == 5 && text[4] == UInt8(ascii: "-") && text[..<4].allSatisfy(isDigit)
  }

  /// A date, a time or both; `token` is what the cursor just passed. A blank may stand between date and time, so more may be read.
  mutating func dateTime(_ token: ArraySlice<UInt8>) throws(TOMLError) -> TOMLDateTime {
    let start = token.startIndex
    var reader = FieldReader(bytes: bytes, at: start, end: token.endIndex)
    let value: TOMLDateTime?
    if token.count >= 3, bytes[start + 2] == UInt8(ascii: ":") {
      value = reader.time().map { TOMLDateTime(date: nil, time: $0, offsetMinutes: nil) }
    } else {
      if token.count == 10, current == 32, Self.isDigit(peek(1)), Self.isDigit(peek(2)), peek(3) == UInt8(ascii: ":") {
        at += 1
        reader.end = self.token().endIndex
      }
      value = reader.dateAndTime()
    }
    guard let value, reader.at == reader.end else { throw failure("no valid date or time", from: start, to: at) }
    return value
  }

  /// Reads fixed-width fields between `at` and `end`.
  private struct FieldReader {
    let bytes: [UInt8]
    var at: Int
    var end: Int

    mutating func skip(_ anyOf: String) -> Bool {
      guard at < end, anyOf.utf8.contains(bytes[at]) else { return false }
      at += 1
      return true
    }

    mutating func digits(_ count: Int, in range: ClosedRange<Int>) -> Int? {
      guard at + count <= end else { return nil }
      var number = 0
      for byte in bytes[at..<at + count] {
        guard TOMLScanner.isDigit(byte) else { return nil }
        number = number * 10 + Int(byte - 48)
      }
      at += count
      return range.contains(number) ? number : nil
    }

    mutating func dateAndTime() -> TOMLDateTime? {
      guard let date = date() else { return nil }
      guard at < end else { return TOMLDateTime(date: date, time: nil, offsetMinutes: nil) }
      guard skip("Tt ") else { return nil }
      guard let time = time() else { return nil }
      guard at < end else { return TOMLDateTime(date: date, time: time, offsetMinutes: nil) }
      guard let offset = offset() else { return nil }
      return TOMLDateTime(date: date, time: time, offsetMinutes: offset)
    }

    mutating func date() -> TOMLDateTime.Day? {
      guard let year = digits(4, in: 0...9999), skip("-"), let month = digits(2, in: 1...12), skip("-"),
        let day = digits(2, in: 1...Self.days(in: month, of: year))
      else { return nil }
      return TOMLDateTime.Day(year: year, month: month, day: day)
    }

    mutating func time() -> TOMLDateTime.Time? {
      guard let hour = digits(2, in: 0...23), skip(":"), let minute = digits(2, in: 0...59), skip(":"),
        let second = digits(2, in: 0...60)
      else { return nil }
      var nanosecond = 0
      if skip(".") {
        guard let fraction = fraction() else { return nil }
        nanosecond = fraction
      }
      return TOMLDateTime.Time(hour: hour, minute: minute, second: second, nanosecond: nanosecond)
    }

    private mutating func fraction() -> Int? {
      var number = 0
      var count = 0
      while at < end, TOMLScanner.isDigit(bytes[at]) {
        if count < 9 { number = number * 10 + Int(bytes[at] - 48) }
        count += 1
        at += 1
      }
      guard count > 0 else { return nil }
      for _ in Swift.min(count, 9)..<9 { number *= 10 }
      return number
    }

    private mutating func offset() -> Int? {
      if skip("Zz") { return 0 }
      let isNegative = at < end && bytes[at] == UInt8(ascii: "-")
      guard skip("+-"), let hours = digits(2, in: 0...23), skip(":"), let minutes = digits(2, in: 0...59) else { return nil }
      return (isNegative ? -1 : 1) * (hours * 60 + minutes)
    }

    private static func days(in month: Int, of year: Int) -> Int {
      switch month {
      case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
      case 4, 6, 9, 11: 30
      default: 31
      }
    }
  }
}
