import BerthCore

/// An object of a runtime-spec document with its JSON path, read member by member. null means absent, as in the specification's own
/// Go types. Every text is free of NUL: it ends up as a C string.
struct SpecReader {
  let object: JSONObject
  /// Where the object stands in the document.
  private let place: Place

  private indirect enum Place {
    case document
    case member(String, of: Place)
    case item(Int, of: Place)

    /// `mounts[1].options`; empty for the document.
    var path: String {
      switch self {
      case .document: ""
      case .member(let key, .document): key
      case .member(let key, let place): "\(place.path).\(key)"
      case .item(let index, let place): "\(place.path)[\(index)]"
      }
    }
  }

  /// Of a document.
  init(_ json: JSON) throws(BerthError) { try self.init(json, .document) }

  private init(_ json: JSON, _ place: Place) throws(BerthError) {
    guard let object = json.object else { throw Self.failure(place.path, "expected an object") }
    self.object = object
    self.place = place
  }

  /// `process.user`; empty for the document.
  var path: String { place.path }

  static func failure(_ path: String, _ cause: String) -> BerthError {
    BerthError(.invalidArgument, "read config.json", path, cause: cause)
  }

  func at(_ key: String) -> String { Place.member(key, of: place).path }

  func has(_ key: String) -> Bool { value(key) != nil }

  private func value(_ key: String) -> JSON? {
    guard let value = object[key], !value.isNull else { return nil }
    return value
  }

  /// `path` is made of where there is something to say: texts of hundreds of paths would cost more than all the reading.
  private func clean(_ value: JSON, _ path: @autoclosure () -> String) throws(BerthError) -> String {
    guard let text = value.string else { throw Self.failure(path(), "expected a string") }
    guard !text.utf8.contains(0) else { throw Self.failure(path(), "contains a NUL") }
    return text
  }

  func string(_ key: String) throws(BerthError) -> String? {
    guard let value = value(key) else { return nil }
    return try clean(value, at(key))
  }

  func required(_ key: String) throws(BerthError) -> String {
    guard let text = try string(key) else { throw Self.failure(at(key), "is missing") }
    return text
  }

  func bool(_ key: String) throws(BerthError) -> Bool? {
    guard let value = value(key) else { return nil }
    guard let flag = value.bool else { throw Self.failure(at(key), "expected true or false") }
    return flag
  }

  func number<Number: FixedWidthInteger>(_ key: String, as type: Number.Type = Number.self) throws(BerthError) -> Number? {
    guard let value = value(key) else { return nil }
    return try Self.number(value, at(key))
  }

  private static func number<Number: FixedWidthInteger>(_ value: JSON, _ path: @autoclosure () -> String) throws(BerthError) -> Number {
    let number: Number? = value.integer.flatMap { Number(exactly: $0) } ?? value.unsigned.flatMap { Number(exactly: $0) }
    guard let number else { throw failure(path(), "expected a whole number from \(Number.min) to \(Number.max)") }
    return number
  }

  private func list(_ key: String) throws(BerthError) -> [JSON] {
    guard let value = value(key) else { return [] }
    guard let items = value.array else { throw Self.failure(at(key), "expected an array") }
    return items
  }

  func strings(_ key: String) throws(BerthError) -> [String] {
    var texts: [String] = []
    for (at, item) in try list(key).enumerated() { texts.append(try clean(item, "\(self.at(key))[\(at)]")) }
    return texts
  }

  func numbers<Number: FixedWidthInteger>(_ key: String) throws(BerthError) -> [Number] {
    var numbers: [Number] = []
    for (at, item) in try list(key).enumerated() { numbers.append(try Self.number(item, "\(self.at(key))[\(at)]")) }
    return numbers
  }

  func map(_ key: String) throws(BerthError) -> [String: String] {
    guard let value = value(key) else { return [:] }
    let members = try SpecReader(value, .member(key, of: place))
    var map: [String: String] = [:]
    for (name, value) in members.object {
      guard !name.utf8.contains(0) else { throw Self.failure(at(key), "a key contains a NUL") }
      map[name] = try clean(value, members.at(name))
    }
    return map
  }

  func child(_ key: String) throws(BerthError) -> SpecReader? {
    guard let value = value(key) else { return nil }
    return try SpecReader(value, .member(key, of: place))
  }

  func children(_ key: String) throws(BerthError) -> [SpecReader] {
    var readers: [SpecReader] = []
    for (at, item) in try list(key).enumerated() { readers.append(try SpecReader(item, .item(at, of: .member(key, of: place)))) }
    return readers
  }

  /// The members of an object whose values are objects, in the document's order.
  func members(_ key: String) throws(BerthError) -> [(name: String, value: SpecReader)] {
    guard let value = value(key) else { return [] }
    let reader = try SpecReader(value, .member(key, of: place))
    var members: [(name: String, value: SpecReader)] = []
    for (name, value) in reader.object {
      guard !name.utf8.contains(0) else { throw Self.failure(at(key), "a key contains a NUL") }
      members.append((name, try SpecReader(value, .member(name, of: reader.place))))
    }
    return members
  }

  func choice<Choice: RawRepresentable<String>>(_ key: String) throws(BerthError) -> Choice {
    let text = try required(key)
    guard let choice = Choice(rawValue: text) else { throw Self.failure(at(key), "unknown value \"\(text)\"") }
    return choice
  }

  /// Of `keys`, the paths of those that are there.
  func present(_ keys: [String]) -> [String] { keys.filter(has).map(at) }
}
