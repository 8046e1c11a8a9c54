import BerthCore

/// What a time zone's clocks show: its offsets from UTC and when they change. Read from a compiled file of the time zone database, without
/// the C library, whose zone is the whole process's. Source: RFC 9636 (TZif).
public struct TimeZoneRules: Hashable, Sendable {
  /// In seconds since 1970, rising, each with the offset from then on.
  private let transitions: [Int64]
  private let offsets: [Int64]
  /// Before the first transition.
  private let first: Int64
  /// After the last one, where the file has a rule for it.
  private let rest: RecurringOffset?

  public static let utc = TimeZoneRules(transitions: [], offsets: [], first: 0, rest: nil)

  /// Where the node keeps the rules of a zone (tzdata); nil for the one that needs none.
  public static func path(of name: String) -> String? {
    name == "UTC" || name == "Etc/UTC" ? nil : "/usr/share/zoneinfo/\(name)"
  }

  private init(transitions: [Int64], offsets: [Int64], first: Int64, rest: RecurringOffset?) {
    (self.transitions, self.offsets, self.first, self.rest) = (transitions, offsets, first, rest)
  }

  /// nil for bytes that are no such file.
  public init?(tzif bytes: [UInt8]) {
    guard let head = Header(bytes, at: 0) else { return nil }
    // Since version 2 all is there twice: with 32 bits first, for old programs.
    let isLong = head.version >= 2
    let start = isLong ? head.end(timeSize: 4) : 0
    guard let header = Header(bytes, at: start), header.typeCount > 0 else { return nil }
    let size = isLong ? 8 : 4
    let end = header.end(timeSize: size)
    guard end <= bytes.count else { return nil }
    func number(_ at: Int, _ count: Int) -> Int64 {
      var value: Int64 = bytes[at] >= 0x80 ? -1 : 0
      for byte in bytes[at..<at + count] { value = value << 8 | Int64(byte) }
      return value
    }
    let types = header.start + header.timeCount * (size + 1)
    let offset = { (type: Int) -> Int64? in type < header.typeCount ? number(types + 6 * type, 4) : nil }
    var transitions: [Int64] = []
    var offsets: [Int64] = []
    for index in 0..<header.timeCount {
      let at = number(header.start + index * size, size)
      guard let value = offset(Int(bytes[header.start + header.timeCount * size + index])), abs(value) < 86_400 else { return nil }
      if let last = transitions.last, last >= at { return nil }
      transitions.append(at)
      offsets.append(value)
    }
    guard let before = offset(0), abs(before) < 86_400 else { return nil }
    let footer = isLong && end < bytes.count ? String(decoding: bytes[(end + 1)...].prefix { $0 != 10 }, as: UTF8.self) : ""
    self.init(transitions: transitions, offsets: offsets, first: before, rest: RecurringOffset(footer))
  }

  /// In seconds east of UTC, at `time` (seconds since 1970).
  public func offset(at time: Int64) -> Int64 {
    guard let last = transitions.last else { return rest?.offset(at: time) ?? first }
    if time >= last, let rest { return rest.offset(at: time) }
    var (low, high) = (0, transitions.count)
    while low < high {
      let middle = (low + high) / 2
      if transitions[middle] <= time { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? first : offsets[low - 1]
  }

  /// When its clocks show `local` (seconds since 1970 as if it were UTC): the first time where they show it twice, the moment of the
  /// change where they skip it.
  public func time(local: Int64) -> Int64 {
    let before = offset(at: local - 86_400)
    let after = offset(at: local + 86_400)
    let times = [local - before, local - after].filter { offset(at: $0) == local - $0 }
    if let time = times.min() { return time }
    var (low, high) = (local - 86_400, local + 86_400)
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if offset(at: middle) == before { low = middle } else { high = middle }
    }
    return high
  }

  private struct Header {
    let version: UInt8
    let start: Int
    let timeCount: Int
    let typeCount: Int
    private let others: (utc: Int, standard: Int, leap: Int, characters: Int)

    init?(_ bytes: [UInt8], at: Int) {
      guard at >= 0, bytes.count - at >= 44, bytes[at..<at + 4].elementsEqual("TZif".utf8) else { return nil }
      func count(_ index: Int) -> Int { bytes[at + 20 + 4 * index..<at + 24 + 4 * index].reduce(0) { $0 << 8 | Int($1) } }
      let counts = (0..<6).map(count)
      // No zone comes near these.
      guard counts.allSatisfy({ $0 <= 65_536 }) else { return nil }
      version = bytes[at + 4] == 0 ? 1 : bytes[at + 4] &- 48
      start = at + 44
      (timeCount, typeCount) = (counts[3], counts[4])
      others = (counts[0], counts[1], counts[2], counts[5])
      if version < 2, end(timeSize: 4) > bytes.count { return nil }
    }

    func end(timeSize: Int) -> Int {
      start + timeCount * (timeSize + 1) + typeCount * 6 + others.characters + others.leap * (timeSize + 4) + others.standard + others.utc
    }
  }
}
