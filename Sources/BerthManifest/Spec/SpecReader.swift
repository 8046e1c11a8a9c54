import BerthCore

/// Reads the members of a record: what is absent or null keeps its default, what is unknown is ignored, what is malformed is an error.
struct SpecReader {
  let object: JSONObject
  /// For messages: `container.resources`.
  let path: String

  init(_ json: JSON, _ path: String) throws(BerthError) {
    guard let object = json.object else { throw Self.malformed(path) }
    self.object = object
    self.path = path
  }

  static func malformed(_ path: String) -> BerthError {
    BerthError(.dataLoss, "read pod spec", cause: "'\(path)' is missing or malformed")
  }

  private func value(_ key: String) -> JSON? { object[key].flatMap { $0.isNull ? nil : $0 } }
  private func inner(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  /// The member converted; nil where it is absent or null.
  func optional<Value>(_ key: String, _ convert: (JSON) -> Value?) throws(BerthError) -> Value? {
    guard let json = value(key) else { return nil }
    guard let value = convert(json) else { throw Self.malformed(inner(key)) }
    return value
  }

  func required<Value>(_ key: String, _ convert: (JSON) -> Value?) throws(BerthError) -> Value {
    guard let value = try optional(key, convert) else { throw Self.malformed(inner(key)) }
    return value
  }

  /// Sets `target` where the member is there.
  func read<Value>(_ key: String, into target: inout Value, _ convert: (JSON) -> Value?) throws(BerthError) {
    if let value = try optional(key, convert) { target = value }
  }

  func read<Value: RawRepresentable>(_ key: String, into target: inout Value) throws(BerthError) where Value.RawValue == String {
    try read(key, into: &target) { $0.string.flatMap(Value.init(rawValue:)) }
  }

  func child(_ key: String) throws(BerthError) -> SpecReader? {
    guard let json = value(key) else { return nil }
    return try SpecReader(json, inner(key))
  }

  func list<Element>(_ key: String, _ each: (SpecReader) throws(BerthError) -> Element) throws(BerthError) -> [Element] {
    guard let json = value(key) else { return [] }
    guard let items = json.array else { throw Self.malformed(inner(key)) }
    var elements: [Element] = []
    for item in items { elements.append(try each(try SpecReader(item, inner(key)))) }
    return elements
  }

  // MARK: conversions

  static func strings(_ json: JSON) -> [String]? {
    guard let items = json.array else { return nil }
    let strings = items.compactMap(\.string)
    return strings.count == items.count ? strings : nil
  }

  static func map<Value>(_ json: JSON, _ convert: (JSON) -> Value?) -> [String: Value]? {
    guard let object = json.object else { return nil }
    var map: [String: Value] = [:]
    for member in object {
      guard let value = convert(member.value) else { return nil }
      map[member.key] = value
    }
    return map
  }

  static func stringMap(_ json: JSON) -> [String: String]? { map(json, \.string) }
  static func duration(_ json: JSON) -> Duration? { json.string.flatMap { DurationText.parse($0) } }
  static func size(_ json: JSON) -> ByteSize? { json.string.flatMap { ByteSize($0) } ?? json.integer.map { ByteSize(bytes: $0) } }
  static func id(_ json: JSON) -> UInt32? { json.integer.flatMap { UInt32(exactly: $0) } }
  static func ids(_ json: JSON) -> [UInt32]? {
    guard let items = json.array else { return nil }
    let ids = items.compactMap(id)
    return ids.count == items.count ? ids : nil
  }
  static func port(_ json: JSON) -> UInt16? { json.integer.flatMap { UInt16(exactly: $0) } }
  static func limit(_ json: JSON) -> UInt64? { json.string == "unlimited" ? .max : json.unsigned }
}
