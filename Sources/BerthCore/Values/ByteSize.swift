/// A number of bytes. Written in manifests as `"64MiB"`, `"1GB"` or a bare integer of bytes.
public struct ByteSize: Hashable, Sendable, Comparable, CustomStringConvertible {
  public var bytes: Int64
  public init(bytes: Int64) { self.bytes = bytes }

  private static let units: [(suffix: String, factor: Int64)] = [
    ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
    ("KB", 1_000), ("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("B", 1),
  ]

  /// nil unless `text` is a whole or decimal number followed by a unit, and the result is a whole number of bytes that fits 63 bits.
  public init?(_ text: String) {
    guard let unit = Self.units.first(where: { text.hasSuffix($0.suffix) }) else { return nil }
    let number = text.dropLast(unit.suffix.utf8.count)
    guard let scaled = Self.scale(number, by: unit.factor) else { return nil }
    bytes = scaled
  }

  /// `number` (digits, at most one point) times `factor`, exact; nil if malformed, not whole, or out of range.
  static func scale(_ number: Substring, by factor: Int64) -> Int64? {
    let parts = number.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = parts.first, !whole.isEmpty, whole.utf8.allSatisfy({ (48...57).contains($0) }), let integer = Int64(whole) else {
      return nil
    }
    let (product, overflow) = integer.multipliedReportingOverflow(by: factor)
    guard !overflow else { return nil }
    guard parts.count == 2 else { return product }
    let fraction = parts[1]
    guard !fraction.isEmpty, fraction.utf8.count <= 6, fraction.utf8.allSatisfy({ (48...57).contains($0) }), let digits = Int64(fraction)
    else { return nil }
    var divisor: Int64 = 1
    for _ in fraction.utf8 { divisor *= 10 }
    let (scaled, tooLarge) = digits.multipliedReportingOverflow(by: factor)
    guard !tooLarge, scaled % divisor == 0 else { return nil }
    let (sum, past) = product.addingReportingOverflow(scaled / divisor)
    return past ? nil : sum
  }

  /// The largest binary unit that divides it without a rest: `64MiB`, `1000B`.
  public var description: String {
    for unit in Self.units[0...3].reversed() where bytes != 0 && bytes % unit.factor == 0 { return "\(bytes / unit.factor)\(unit.suffix)" }
    return "\(bytes)B"
  }
  public static func < (a: ByteSize, b: ByteSize) -> Bool { a.bytes < b.bytes }
}
