import BerthCore

// What refers to files, as JSON and back. Contents are told by the disclosure.

extension FileContent {
  /// Text as a string, anything else in hexadecimal.
  var json: JSON {
    if let text = String(validating: bytes, as: UTF8.self) { return .string(text) }
    return ["hex": .string(Self.hex(bytes))]
  }

  init?(json: JSON) {
    if let text = json.string {
      self.init(text)
    } else if let bytes = json["hex"]?.string.flatMap(Self.bytes(hex:)) {
      self.init(bytes)
    } else {
      return nil
    }
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  private static func bytes(hex text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    for at in stride(from: 0, to: digits.count, by: 2) {
      guard let byte = UInt8(String(decoding: digits[at..<at + 2], as: UTF8.self), radix: 16) else { return nil }
      bytes.append(byte)
    }
    return bytes
  }
}

extension ContentFile {
  func json(for disclosure: SpecDisclosure) -> JSON {
    var object: JSONObject = ["path": .string(path)]
    if disclosure == .record, let content { object["content"] = content.json }
    return .object(object)
  }

  init(_ reader: SpecReader) throws(BerthError) {
    self.init(path: try reader.required("path", \.string), content: try reader.optional("content") { FileContent(json: $0) })
  }
}

extension FileSet {
  /// What stands for a secret where it may not be shown.
  static let redacted = "(secret)"

  func json(for disclosure: SpecDisclosure, isSecret: Bool) -> JSON {
    let hides = isSecret && disclosure == .shown
    return [
      "files": .object(PodSpec.sorted(files) { hides ? .string(Self.redacted) : $0.json }),
      "from": .object(PodSpec.sorted(from) { $0.json(for: disclosure) }), "on_change": .string(onChange.text),
    ]
  }

  init(_ reader: SpecReader) throws(BerthError) {
    self.init()
    try reader.read("files", into: &files) { SpecReader.map($0) { FileContent(json: $0) } }
    if let child = try reader.child("from") {
      for member in child.object { from[member.key] = try ContentFile(try SpecReader(member.value, "from.\(member.key)")) }
    }
    try reader.read("on_change", into: &onChange) { $0.string.flatMap { OnChange(text: $0) } }
  }
}

extension EnvValue {
  func json(for disclosure: SpecDisclosure) -> JSON {
    switch self {
    case .text(let text): .string(text)
    case .secret(let volume, let file): ["secret": .string("\(volume)/\(file)")]
    case .file(let file): ["file": file.json(for: disclosure)]
    case .field(let field): ["field": .string(field.rawValue)]
    }
  }

  init?(json: JSON) {
    if let text = json.string {
      self = .text(text)
    } else if let text = json["secret"]?.string, let value = EnvValue(secret: text) {
      self = value
    } else if let file = json["file"], let reader = try? SpecReader(file, "file"), let file = try? ContentFile(reader) {
      self = .file(file)
    } else if let field = json["field"]?.string.flatMap(EnvField.init(rawValue:)) {
      self = .field(field)
    } else {
      return nil
    }
  }

  /// `volume/file`.
  init?(secret text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, DNSLabel.isValid(parts[0]), TextFormat.fileName.problem(in: String(parts[1])) == nil else { return nil }
    self = .secret(volume: String(parts[0]), file: String(parts[1]))
  }
}

extension DeviceSpec {
  var json: JSON {
    switch self {
    case .cdi(let name): .string(name)
    case .node(let host, let container, let permissions):
      ["host": .string(host), "container": .string(container), "permissions": .string(permissions)]
    }
  }

  init?(json: JSON) {
    if let name = json.string {
      self = .cdi(name)
    } else if let host = json["host"]?.string, let container = json["container"]?.string {
      self = .node(host: host, container: container, permissions: json["permissions"]?.string ?? Self.allPermissions)
    } else {
      return nil
    }
  }
}

extension UpdateSpec {
  var json: JSON {
    ["strategy": .string(strategy.rawValue), "progress_deadline": .duration(progressDeadline), "rollback": .bool(rollback)]
  }

  init(_ reader: SpecReader) throws(BerthError) {
    self.init()
    try reader.read("strategy", into: &strategy)
    try reader.read("progress_deadline", into: &progressDeadline, SpecReader.duration)
    try reader.read("rollback", into: &rollback, \.bool)
  }
}

extension Resources {
  var hugepagesJSON: JSONObject {
    var object = JSONObject()
    for (size, limit) in hugepages.sorted(by: { $0.key < $1.key }) { object[ByteSize(bytes: size).description] = .size(limit) }
    return object
  }

  static func hugepages(_ json: JSON) -> [Int64: ByteSize]? {
    guard let object = json.object else { return nil }
    var limits: [Int64: ByteSize] = [:]
    for (key, value) in object {
      guard let page = ByteSize(key), let limit = SpecReader.size(value) else { return nil }
      limits[page.bytes] = limit
    }
    return limits
  }
}
