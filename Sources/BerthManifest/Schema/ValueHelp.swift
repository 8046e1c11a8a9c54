import BerthCore

/// How to write a value that was meant well: only what is then right, and only where there is one thing that can have been meant.
enum ValueHelp {
  /// `1Gi`, `512m`, `512mb`: the units of others.
  static func size(_ text: String) -> String? {
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let unit = text.dropFirst(number.count).drop { $0 == " " }.lowercased()
    guard let prefix = unit.first, "kmgt".contains(prefix) else { return unit == "b" ? write("\(number)B") : nil }
    let binary = "\(number)\(prefix.uppercased())iB"
    let decimal = "\(number)\(prefix.uppercased())B"
    switch unit.dropFirst() {
    case "i", "ib": return write(binary)
    case "b": return write(decimal)
    // Kubernetes means powers of ten by it, Compose powers of two.
    case "": return write(binary).map { ByteSize(decimal) == nil ? $0 : "\($0), or \"\(decimal)\" for powers of ten" }
    default: return nil
    }
  }

  private static func write(_ text: String) -> String? { ByteSize(text) == nil ? nil : "write \"\(text)\"" }

  /// Cores as a string.
  static func cpu(_ text: String) -> String? {
    let isDecimal = text.utf8.allSatisfy { TOMLScanner.isDigit($0) || $0 == UInt8(ascii: ".") }
    guard isDecimal, let cores = Double(text), cores > 0 else { return nil }
    return "write \(text) without quotes"
  }

  /// Seconds as a number.
  static func duration(_ value: TOMLValue) -> String? {
    switch value.content {
    case .integer(let seconds) where seconds >= 0: "write \"\(seconds)s\""
    case .float(let seconds) where seconds >= 0 && DurationText.parse("\(seconds)s") != nil: "write \"\(seconds)s\""
    default: nil
    }
  }

  /// A number or a boolean in quotes.
  static func unquoted(_ text: String, as type: KeyType) -> String? {
    switch type {
    case .integer: Int64(text).map { "write \($0) without quotes" }
    case .boolean: ["true", "false"].contains(text.lowercased()) ? "write \(text.lowercased()) without quotes" : nil
    default: nil
    }
  }

  /// A command line, and `NAME=value`.
  static func list(_ text: String, name: String) -> String {
    let words = text.split(separator: " ").map(String.init)
    guard ["command", "args"].contains(name), !words.isEmpty, words.count <= 8 else { return "write [\"…\"]" }
    let isPlain = text.utf8.allSatisfy { TOMLScanner.isBareKey($0) || " ./:=,+@%".utf8.contains($0) }
    if isPlain { return "write [\(words.map { "\"\($0)\"" }.joined(separator: ", "))]" }
    return name == "command" ? "write [\"sh\", \"-c\", \"…\"] for a shell's command line" : "write [\"…\"]"
  }

  /// Where a table belongs: Compose's `["NAME=value"]`, Kubernetes' `[{ name, value }]`.
  static func map(_ items: [TOMLValue]) -> String? {
    guard let first = items.first else { return "write {}" }
    var pair: (name: String, value: String)?
    if let text = first.string, let mark = text.utf8.firstIndex(of: UInt8(ascii: "=")) {
      pair = (String(text[..<mark]), String(text[text.utf8.index(after: mark)...]))
    } else if let table = first.table, let name = table["name"]?.string, let value = table["value"]?.string {
      pair = (name, value)
    }
    guard let pair, pair.name.utf8.allSatisfy(TOMLScanner.isBareKey), !pair.name.isEmpty,
      pair.value.utf8.allSatisfy({ $0 >= 32 && $0 != 34 && $0 != 92 }), pair.value.utf8.count <= 40
    else { return "write { NAME = \"value\" }" }
    return "write { \(pair.name) = \"\(pair.value)\"\(items.count > 1 ? ", …" : "") }"
  }

  /// A name that is one but for its letters: `Web_Server`.
  static func label(_ text: String) -> String? {
    let underscore = UInt8(ascii: "_")
    let bytes = text.lowercased().utf8.map { TOMLScanner.isBareKey($0) && $0 != underscore ? $0 : UInt8(ascii: "-") }
    let name = String(decoding: bytes, as: UTF8.self)
    return DNSLabel.isValid(name) ? name : nil
  }
}
