import BerthCore

/// What the documents of one image may cost. Everything in them is untrusted.
public enum ImageLimits {
  /// Of an index, a manifest or a config, in bytes.
  public static let documentBytes = 4 << 20
  /// Of all documents of one image together.
  public static let descriptors = 1000
  /// Index in index in index … down to the manifest.
  public static let depth = 4
  public static let layers = 500
  /// The largest size that a descriptor may declare, in bytes (1 TiB).
  public static let blobBytes: Int64 = 1 << 40
}

/// Why a document is no acceptable part of an image. The caller knows whose document it is and says so.
public struct ImageFormatError: Error, Sendable, Equatable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}

/// Members of a document, each read as one type or refused by name.
struct ImageFields {
  let object: JSONObject
  /// What the document is called in messages: `manifest`, `layers[3]`.
  let name: String

  init(_ value: JSON, _ name: String) throws(ImageFormatError) {
    guard let object = value.object else { throw ImageFormatError("\(name) is not a JSON object") }
    self.object = object
    self.name = name
  }

  /// Parses a whole document under the limits for image documents.
  init(parsing bytes: [UInt8], _ name: String) throws(ImageFormatError) {
    let value: JSON
    do throws(JSONError) {
      value = try JSON(parsing: bytes, limits: JSONLimits(bytes: ImageLimits.documentBytes, depth: 32, values: 1 << 18))
    } catch {
      throw ImageFormatError("\(name) is not valid JSON: \(error)")
    }
    try self.init(value, name)
  }

  /// The member where it is present and not null. Go's encoders write null for an empty list.
  func value(_ key: String) -> JSON? {
    guard let value = object[key], !value.isNull else { return nil }
    return value
  }

  func string(_ key: String) throws(ImageFormatError) -> String? {
    guard let value = value(key) else { return nil }
    guard let text = value.string, text.utf8.count <= 1 << 20, !text.utf8.contains(0) else {
      throw ImageFormatError("\(name): \(key) is not a string without NUL")
    }
    return text
  }

  func integer(_ key: String) throws(ImageFormatError) -> Int64? {
    guard let value = value(key) else { return nil }
    guard let number = value.integer else { throw ImageFormatError("\(name): \(key) is not a whole number") }
    return number
  }

  func array(_ key: String) throws(ImageFormatError) -> [JSON]? {
    guard let value = value(key) else { return nil }
    guard let items = value.array else { throw ImageFormatError("\(name): \(key) is not a list") }
    return items
  }

  func strings(_ key: String) throws(ImageFormatError) -> [String]? {
    guard let items = try array(key) else { return nil }
    var texts: [String] = []
    for item in items {
      guard let text = item.string, !text.utf8.contains(0) else {
        throw ImageFormatError("\(name): \(key) is not a list of strings without NUL")
      }
      texts.append(text)
    }
    return texts
  }

  func stringMap(_ key: String) throws(ImageFormatError) -> [String: String] {
    guard let value = value(key) else { return [:] }
    guard let object = value.object else { throw ImageFormatError("\(name): \(key) is not an object") }
    var map: [String: String] = [:]
    for (key, value) in object {
      guard let text = value.string else { throw ImageFormatError("\(name): \(key) is not an object of strings") }
      map[key] = text
    }
    return map
  }

  /// The keys of an object that is used as a set (`{"80/tcp": {}}`), sorted.
  func keys(_ key: String) throws(ImageFormatError) -> [String] {
    guard let value = value(key) else { return [] }
    guard let object = value.object else { throw ImageFormatError("\(name): \(key) is not an object") }
    return object.keys.sorted()
  }

  /// A document's own `mediaType` must be the one it was found under, so that the same bytes can't be read as two things.
  func requireMediaType(_ expected: String?, among accepted: (String) -> Bool) throws(ImageFormatError) -> String {
    let own = try string("mediaType")
    if let own, let expected, own != expected {
      throw ImageFormatError("\(name) says that it is \(own), but was announced as \(expected)")
    }
    guard let type = own ?? expected else { return "" }
    guard accepted(type) else { throw ImageFormatError("\(name) has the media type \(type)") }
    return type
  }
}
