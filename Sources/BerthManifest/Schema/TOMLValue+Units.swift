import BerthCore

// Values with units, nil where the value isn't one.
extension TOMLValue {
  /// Any number of cores that could be meant.
  private static let mostMillicores: Int64 = 1_000_000_000

  /// A duration in a string.
  public var duration: Duration? { string.flatMap { DurationText.parse($0) } }

  /// A size with a unit, or an integer of bytes; never negative.
  public var size: ByteSize? {
    if let integer { return integer < 0 ? nil : ByteSize(bytes: integer) }
    return string.flatMap { ByteSize($0) }
  }

  /// From 1 up; a fraction of a millicore is rounded to the nearest.
  public var cpuMillicores: Int64? {
    let millicores: Int64?
    switch content {
    case .integer(let cores):
      let (product, overflow) = cores.multipliedReportingOverflow(by: 1000)
      millicores = overflow ? nil : product
    case .float(let cores): millicores = Int64(exactly: (cores * 1000).rounded())
    case .string(let text):
      let digits = text.dropLast()
      millicores = text.hasSuffix("m") && !digits.isEmpty ? TextFormat.decimal(digits).flatMap { Int64(exactly: $0) } : nil
    default: millicores = nil
    }
    guard let millicores, (1...Self.mostMillicores).contains(millicores) else { return nil }
    return millicores
  }
}

extension TOMLTable {
  /// The strings of an array; nil where the key is absent, elements of other types left out.
  public func strings(_ key: String) -> [String]? { self[key]?.array?.compactMap(\.string) }

  /// A table of strings; empty where the key is absent, values of other types left out.
  func stringMap(_ key: String) -> [String: String] {
    var map: [String: String] = [:]
    for entry in self[key]?.table?.entries ?? [] { map[entry.key] = entry.value.string }
    return map
  }
}
