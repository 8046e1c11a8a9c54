import BerthCore

/// Builds a JSON object of those members that hold something.
struct SpecWriter {
  private(set) var object = JSONObject()

  mutating func put(_ key: String, _ value: String?) { if let value { object[key] = .string(value) } }
  mutating func put(_ key: String, _ value: Bool?) { if let value { object[key] = .bool(value) } }
  mutating func put(_ key: String, _ value: (some FixedWidthInteger)?) { if let value { object[key] = Self.json(value) } }
  mutating func put(_ key: String, _ values: [String]) { if !values.isEmpty { object[key] = .strings(values) } }
  mutating func put(_ key: String, _ values: [String: String]) { if !values.isEmpty { object[key] = .strings(values) } }
  mutating func put(_ key: String, _ values: [UInt32]) { if !values.isEmpty { object[key] = .array(values.map { .integer(Int64($0)) }) } }
  mutating func put(_ key: String, _ values: [SpecWriter]) {
    if !values.isEmpty { object[key] = .array(values.map { .object($0.object) }) }
  }
  /// An empty child is left out.
  mutating func put(_ key: String, _ child: SpecWriter?) { if let child, !child.object.isEmpty { object[key] = .object(child.object) } }
  /// Also where it is empty.
  mutating func putAlways(_ key: String, _ child: SpecWriter) { object[key] = .object(child.object) }

  private static func json(_ number: some FixedWidthInteger) -> JSON {
    if let signed = Int64(exactly: number) { return .integer(signed) }
    return .unsigned(UInt64(truncatingIfNeeded: number))
  }

  static func build(_ body: (inout SpecWriter) -> Void) -> SpecWriter {
    var writer = SpecWriter()
    body(&writer)
    return writer
  }
}
