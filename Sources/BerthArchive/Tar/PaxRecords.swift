import BerthCore
import BerthLinux

/// What the extension headers before a member say of it. Source: POSIX pax "pax Extended Header".
struct TarExtensions {
  var name: [UInt8]?
  var linkName: [UInt8]?
  var size: Int64?
  var uid: UInt32?
  var gid: UInt32?
  var modified: TreeFiles.Time?
  var attributes: [TarEntry.Attribute] = []
  /// GNU's long names, which PAX records outdo.
  var longName: [UInt8]?
  var longLinkName: [UInt8]?

  private static func malformed(_ cause: String) -> BerthError { TarHeader.malformed(cause) }

  /// Reads `LENGTH KEY=VALUE\n` records; a later one of the same key replaces an earlier.
  mutating func read(_ bytes: [UInt8]) throws(BerthError) {
    var rest = bytes[...]
    var count = 0
    while !rest.isEmpty {
      count += 1
      guard count <= TarLimits.records else { throw Self.malformed("a PAX header has more than \(TarLimits.records) records") }
      let digits = rest.prefix { $0 != 32 }
      guard (1...7).contains(digits.count), let length = Self.decimal(digits), length > digits.count + 2, length <= rest.count,
        let end = rest.prefix(Int(length)).last, end == 10
      else { throw Self.malformed("a PAX record has a wrong length") }
      let record = rest.dropFirst(digits.count + 1).prefix(Int(length) - digits.count - 2)
      guard let equals = record.firstIndex(of: UInt8(ascii: "=")), equals > record.startIndex else {
        throw Self.malformed("a PAX record has no key")
      }
      try set(String(decoding: record[..<equals], as: UTF8.self), key: record[..<equals], value: record[(equals + 1)...])
      rest = rest.dropFirst(Int(length))
    }
  }

  private mutating func set(_ name: String, key: ArraySlice<UInt8>, value: ArraySlice<UInt8>) throws(BerthError) {
    switch name {
    case "path": self.name = try Self.path(value)
    case "linkpath": linkName = try Self.path(value)
    case "size": size = value.isEmpty ? nil : try Self.required(Self.decimal(value), "size")
    case "uid": uid = value.isEmpty ? nil : try Self.required(Self.decimal(value).flatMap { UInt32(exactly: $0) }, "uid")
    case "gid": gid = value.isEmpty ? nil : try Self.required(Self.decimal(value).flatMap { UInt32(exactly: $0) }, "gid")
    case "mtime": modified = value.isEmpty ? nil : try Self.required(Self.time(value), "mtime")
    default:
      if name.hasPrefix("GNU.sparse.") { throw BerthError(.unsupported, "read tar", cause: "sparse files are not supported") }
      if name.hasPrefix("SCHILY.xattr.") { try setAttribute(key.dropFirst(13), value) }
    }
  }

  private mutating func setAttribute(_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) throws(BerthError) {
    guard (1...255).contains(name.count), !name.contains(0), value.count <= TarLimits.attributeBytes else {
      throw Self.malformed("an extended attribute is too large or has no valid name")
    }
    attributes.removeAll { $0.name.elementsEqual(name) }
    attributes.append(TarEntry.Attribute(name: Array(name), value: Array(value)))
  }

  static func required<Value>(_ value: Value?, _ name: String) throws(BerthError) -> Value {
    guard let value else { throw malformed("a PAX header's \(name) is out of range") }
    return value
  }

  private static func path(_ value: ArraySlice<UInt8>) throws(BerthError) -> [UInt8]? {
    guard value.count <= TarLimits.nameBytes, !value.contains(0) else {
      throw malformed("a name is longer than 4096 bytes or has a NUL in it")
    }
    return value.isEmpty ? nil : Array(value)
  }

  /// Digits alone, 63 bits.
  static func decimal(_ digits: ArraySlice<UInt8>) -> Int64? {
    guard !digits.isEmpty, digits.count <= 19 else { return nil }
    var value: Int64 = 0
    for digit in digits {
      guard (48...57).contains(digit) else { return nil }
      let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, past) = shifted.addingReportingOverflow(Int64(digit - 48))
      if overflow || past { return nil }
      value = sum
    }
    return value
  }

  /// Seconds with an optional sign and an optional fraction, of which nine digits count.
  static func time(_ text: ArraySlice<UInt8>) -> TreeFiles.Time? {
    let isNegative = text.first == UInt8(ascii: "-")
    let parts = text.dropFirst(isNegative ? 1 : 0).split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = parts.first, let seconds = decimal(whole) else { return nil }
    var nanoseconds: Int64 = 0
    if parts.count == 2, !parts[1].isEmpty {
      guard let fraction = decimal(parts[1].prefix(9)) else { return nil }
      nanoseconds = fraction
      for _ in min(9, parts[1].count)..<9 { nanoseconds *= 10 }
    }
    if !isNegative { return TreeFiles.Time(seconds: seconds, nanoseconds: nanoseconds) }
    return nanoseconds == 0
      ? TreeFiles.Time(seconds: -seconds) : TreeFiles.Time(seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds)
  }
}
