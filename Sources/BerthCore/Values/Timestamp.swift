/// A point of wall time, for display and records only: every timer runs on a monotonic clock.
public struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// Since 1970-01-01T00:00:00Z.
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static func < (a: Timestamp, b: Timestamp) -> Bool { a.nanoseconds < b.nanoseconds }

  /// RFC 3339 in UTC with nine digits of a second: `2006-01-02T15:04:05.000000000Z`.
  public var description: String {
    var text: [UInt8] = []
    text.reserveCapacity(30)
    Self.appendSecond(nanoseconds.flooredSeconds.quotient, to: &text)
    text.append(UInt8(ascii: "."))
    Self.appendDigits(nanoseconds.flooredSeconds.remainder, count: 9, to: &text)
    text.append(UInt8(ascii: "Z"))
    return String(decoding: text, as: UTF8.self)
  }

  /// `2006-01-02T15:04:05` of a second since 1970, in UTC. Without the C library, which would look for time zone files.
  public static func appendSecond(_ second: Int64, to text: inout [UInt8]) {
    let (days, rest) = second.floored(by: 86_400)
    let date = CivilDate(daysSince1970: days)
    appendDigits(date.year, count: 4, to: &text)
    text.append(UInt8(ascii: "-"))
    appendDigits(date.month, count: 2, to: &text)
    text.append(UInt8(ascii: "-"))
    appendDigits(date.day, count: 2, to: &text)
    text.append(UInt8(ascii: "T"))
    appendDigits(rest / 3600, count: 2, to: &text)
    text.append(UInt8(ascii: ":"))
    appendDigits(rest / 60 % 60, count: 2, to: &text)
    text.append(UInt8(ascii: ":"))
    appendDigits(rest % 60, count: 2, to: &text)
  }

  private static func appendDigits(_ value: Int64, count: Int, to text: inout [UInt8]) {
    var divisor: Int64 = 1
    for _ in 1..<count { divisor *= 10 }
    while divisor > 0 {
      text.append(UInt8(truncatingIfNeeded: 48 + value / divisor % 10))
      divisor /= 10
    }
  }

  /// Reads what `description` writes (and fewer digits of a second, or none); nil for anything else.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20, bytes.count <= 30, bytes.last == UInt8(ascii: "Z") else { return nil }
    func number(_ range: Range<Int>) -> Int64? {
      var value: Int64 = 0
      for byte in bytes[range] {
        guard (48...57).contains(byte) else { return nil }
        value = value * 10 + Int64(byte - 48)
      }
      return value
    }
    let marks: [(at: Int, byte: UInt8)] = [(4, 45), (7, 45), (10, 84), (13, 58), (16, 58)]
    guard marks.allSatisfy({ bytes[$0.at] == $0.byte }), let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
      let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19), year >= 1678, year <= 2261,
      (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61
    else { return nil }
    var fraction: Int64 = 0
    if bytes.count > 20 {
      let digits = bytes.count - 21
      guard bytes[19] == UInt8(ascii: "."), digits > 0, let value = number(20..<20 + digits) else { return nil }
      fraction = value
      for _ in digits..<9 { fraction *= 10 }
    }
    let days = CivilDate(year: year, month: month, day: day).daysSince1970
    nanoseconds = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000_000 + fraction
  }
}

extension Int64 {
  /// Quotient towards minus infinity, and the remainder that goes with it, never negative. `divisor` is positive.
  func floored(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }

  fileprivate var flooredSeconds: (quotient: Int64, remainder: Int64) { floored(by: 1_000_000_000) }
}
