import BerthCore
import BerthLinux

/// RFC 3339 stamps at the cost of nine digits: the date is put together once a second.
struct LogClock {
  /// Of a stamp: `2006-01-02T15:04:05.000000000Z`.
  static let width = 30

  private var second: Int64 = .min
  private(set) var stamp: [UInt8] = []

  mutating func update(_ now: Timestamp) {
    let (whole, rest) = now.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    if whole != second || stamp.isEmpty {
      second = whole
      stamp.removeAll(keepingCapacity: true)
      stamp.reserveCapacity(Self.width)
      Timestamp.appendSecond(whole, to: &stamp)
      stamp.append(contentsOf: [UInt8(ascii: "."), 0, 0, 0, 0, 0, 0, 0, 0, 0, UInt8(ascii: "Z")])
    }
    var digits = rest
    for at in stride(from: Self.width - 2, through: Self.width - 10, by: -1) {
      stamp[at] = UInt8(truncatingIfNeeded: 48 + digits % 10)
      digits /= 10
    }
  }

  var text: String { String(decoding: stamp, as: UTF8.self) }
}
