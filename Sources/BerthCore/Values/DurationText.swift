/// Durations as manifests and flags write them: `"500ms"`, `"30s"`, `"1m30s"`, `"2h"`, `"1d"`.
public enum DurationText {
  private static let units: [(suffix: String, nanoseconds: Int64)] = [
    ("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
  ]

  /// nil unless `text` is one or more of number-and-unit, none negative, and the sum fits 63 bits of nanoseconds.
  public static func parse(_ text: String) -> Duration? {
    var rest = Substring(text)
    var total: Int64 = 0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      rest = rest.dropFirst(number.count)
      let name = rest.prefix { $0.isASCII && $0.isLetter }
      rest = rest.dropFirst(name.count)
      guard let unit = units.first(where: { $0.suffix == name }), let value = ByteSize.scale(number, by: unit.nanoseconds) else {
        return nil
      }
      let (sum, overflow) = total.addingReportingOverflow(value)
      guard !overflow else { return nil }
      total = sum
    }
    return .nanoseconds(total)
  }

  /// The shortest exact form, from hours down to nanoseconds: `1m30s`, `500ms`, `0s` (for negative durations too).
  public static func format(_ duration: Duration) -> String {
    var rest = duration.nanoseconds
    guard rest > 0 else { return "0s" }
    var text = ""
    for unit in units.reversed() where unit.suffix != "d" && rest >= unit.nanoseconds {
      text += "\(rest / unit.nanoseconds)\(unit.suffix)"
      rest %= unit.nanoseconds
    }
    return text
  }
}

extension Duration {
  /// Whole nanoseconds, saturating at the ends of 63 bits.
  public var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, past) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
    // Seconds and attoseconds have the same sign.
    return overflow || past ? (seconds < 0 ? .min : .max) : sum
  }
  /// Whole milliseconds, towards zero.
  public var milliseconds: Int64 { nanoseconds / 1_000_000 }
}
