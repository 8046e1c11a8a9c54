/// A JSON value (RFC 8259). Objects keep the order of their keys; integers that fit 64 bits stay exact.
public enum JSON: Sendable, Hashable {
  case null
  case bool(Bool)
  case integer(Int64)
  /// An integer above `Int64.max`, as seccomp arguments may be.
  case unsigned(UInt64)
  case double(Double)
  case string(String)
  case array([JSON])
  case object(JSONObject)
}

/// The members of a JSON object in their order. No key occurs twice.
public struct JSONObject: Sendable, Hashable, ExpressibleByDictionaryLiteral, Sequence {
  public private(set) var keys: [String] = []
  /// One for each key. Two lists, not one of pairs: a list of texts and one of values are types that reading JSON needs anyway.
  private(set) var values: [JSON] = []
  /// Positions by key, built once an object is too large to be searched in line.
  private var index: [String: Int] = [:]
  private static let indexedFrom = 48

  public init() {}
  init(capacity: Int) {
    keys.reserveCapacity(capacity)
    values.reserveCapacity(capacity)
  }

  /// A literal's later value of a repeated key replaces the earlier.
  public init(dictionaryLiteral elements: (String, JSON)...) {
    self.init(capacity: elements.count)
    for (key, value) in elements { self[key] = value }
  }

  private func position(of key: String) -> Int? {
    keys.count < Self.indexedFrom ? keys.firstIndex(of: key) : index[key]
  }

  /// Setting nil removes the member.
  public subscript(key: String) -> JSON? {
    get { position(of: key).map { values[$0] } }
    set {
      switch (position(of: key), newValue) {
      case (let at?, let value?): values[at] = value
      case (nil, let value?): append(key, value)
      case (let at?, nil):
        keys.remove(at: at)
        values.remove(at: at)
        rebuildIndex()
      case (nil, nil): break
      }
    }
  }

  func contains(_ key: String) -> Bool { position(of: key) != nil }

  /// `key` must be new.
  mutating func append(_ key: String, _ value: JSON) {
    keys.append(key)
    values.append(value)
    if count == Self.indexedFrom { rebuildIndex() } else if count > Self.indexedFrom { index[key] = count - 1 }
  }

  private mutating func rebuildIndex() {
    index = [:]
    guard count >= Self.indexedFrom else { return }
    for (at, key) in keys.enumerated() { index[key] = at }
  }

  public var count: Int { keys.count }
  public var isEmpty: Bool { keys.isEmpty }
  public func makeIterator() -> Iterator { Iterator(object: self) }

  /// Over the members in their order.
  public struct Iterator: IteratorProtocol {
    let object: JSONObject
    var at = 0

    public mutating func next() -> (key: String, value: JSON)? {
      guard at < object.count else { return nil }
      defer { at += 1 }
      return (object.keys[at], object.values[at])
    }
  }

  /// Equal members in any order.
  public static func == (a: JSONObject, b: JSONObject) -> Bool {
    a.count == b.count && a.allSatisfy { b[$0.key] == $0.value }
  }
  public func hash(into hasher: inout Hasher) {
    for key in keys.sorted() { hasher.combine(key) }
  }
}

extension JSON {
  public var string: String? { if case .string(let text) = self { text } else { nil } }
  public var bool: Bool? { if case .bool(let flag) = self { flag } else { nil } }
  public var array: [JSON]? { if case .array(let items) = self { items } else { nil } }
  public var object: JSONObject? { if case .object(let members) = self { members } else { nil } }
  public var isNull: Bool { if case .null = self { true } else { false } }

  /// A whole number that fits 63 bits and a sign; nil for anything else, `1.0` included.
  public var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
  /// A whole number from 0 up that fits 64 bits.
  public var unsigned: UInt64? {
    switch self {
    case .integer(let number): UInt64(exactly: number)
    case .unsigned(let number): number
    default: nil
    }
  }
  public var double: Double? {
    switch self {
    case .double(let number): number
    case .integer(let number): Double(number)
    case .unsigned(let number): Double(number)
    default: nil
    }
  }

  /// The member of an object, nil where this is no object or has no such member.
  public subscript(key: String) -> JSON? { object?[key] }

  /// `value`, or null for nil.
  public static func optional(_ value: String?) -> JSON { value.map(JSON.string) ?? .null }
  /// `value`, or null for nil.
  public static func optional(_ value: Int64?) -> JSON { value.map(JSON.integer) ?? .null }
  public static func integer(_ value: Int) -> JSON { .integer(Int64(value)) }
  public static func strings(_ values: some Sequence<String>) -> JSON { .array(values.map(JSON.string)) }
  /// An object of strings, its keys sorted.
  public static func strings(_ values: [String: String]) -> JSON {
    var object = JSONObject()
    for key in values.keys.sorted() { object[key] = values[key].map(JSON.string) }
    return .object(object)
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
  ExpressibleByIntegerLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(integerLiteral value: Int64) { self = .integer(value) }
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSON)...) {
    var object = JSONObject(capacity: elements.count)
    for (key, value) in elements { object[key] = value }
    self = .object(object)
  }
}
