// Integers and floats. Source: toml.io/en/v1.0.0 "Integer", "Float".
extension TOMLScanner {
  /// The longest number is far below this; it bounds the text that is copied.
  private static let longestNumber = 4096

  /// The characters that numbers, dates and words are made of, from the cursor; the cursor moves behind them.
  mutating func token() -> ArraySlice<UInt8> {
    let start = at
    while Self.isBareKey(current) || current == UInt8(ascii: "+") || current == UInt8(ascii: ".") || current == UInt8(ascii: ":") {
      at += 1
    }
    return bytes[start..<at]
  }

  /// An integer or a float; `token` is what the cursor just passed.
  func number(_ token: ArraySlice<UInt8>) throws(TOMLError) -> TOMLValue.Content {
    let word = String(decoding: token, as: UTF8.self).lowercased()
    let help =
      switch word {
      case "true", "false": "write \(word)"
      case "yes", "on", "no", "off": "write \(word == "yes" || word == "on"), or quotes around a string"
      default: "strings need quotes"
      }
    let malformed = failure("no valid value: \(Self.shown(token)); \(help)", from: token.startIndex, to: token.endIndex)
    guard token.count <= Self.longestNumber, let first = token.first else { throw malformed }
    let isSigned = first == UInt8(ascii: "+") || first == UInt8(ascii: "-")
    let body = isSigned ? token.dropFirst() : token
    if body.elementsEqual("inf".utf8) { return .float(first == UInt8(ascii: "-") ? -.infinity : .infinity) }
    if body.elementsEqual("nan".utf8) { return .float(.nan) }
    if let radix = Self.radix(body) {
      guard !isSigned, let digits = Self.digits(body.dropFirst(2), radix: radix) else { throw malformed }
      return .integer(try integer(digits, radix: radix, token))
    }
    if let digits = Self.digits(body, radix: 10) {
      guard digits.count == 1 || digits.first != "0" else {
        throw failure("a number can't begin with 0", from: token.startIndex, to: token.endIndex)
      }
      return .integer(try integer(first == UInt8(ascii: "-") ? "-" + digits : digits, radix: 10, token))
    }
    guard let text = Self.floatText(body), let value = Double(text) else { throw malformed }
    return .float(first == UInt8(ascii: "-") ? -value : value)
  }

  private func integer(_ digits: String, radix: Int, _ token: ArraySlice<UInt8>) throws(TOMLError) -> Int64 {
    guard let value = Int64(digits, radix: radix) else {
      throw failure("the number doesn't fit 64 bits", from: token.startIndex, to: token.endIndex)
    }
    return value
  }

  private static func radix(_ body: ArraySlice<UInt8>) -> Int? {
    guard body.first == 48 else { return nil }
    switch body.dropFirst().first {
    case UInt8(ascii: "x"): return 16
    case UInt8(ascii: "o"): return 8
    case UInt8(ascii: "b"): return 2
    default: return nil
    }
  }

  /// The digits without underscores, which may stand between two digits only; nil if there is anything else.
  private static func digits(_ text: ArraySlice<UInt8>, radix: Int) -> String? {
    var digits: [UInt8] = []
    var afterDigit = false
    for byte in text {
      if byte == UInt8(ascii: "_") {
        guard afterDigit else { return nil }
        afterDigit = false
      } else {
        guard let digit = hexDigit(byte), digit < radix else { return nil }
        digits.append(byte)
        afterDigit = true
      }
    }
    return afterDigit ? String(decoding: digits, as: UTF8.self) : nil
  }

  /// `digits [. digits] [e [sign] digits]` with at least one of the latter two, without underscores; nil if it is anything else.
  private static func floatText(_ body: ArraySlice<UInt8>) -> String? {
    let exponentMark = body.firstIndex { $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "E") }
    let mantissa = body[..<(exponentMark ?? body.endIndex)]
    let point = mantissa.firstIndex(of: UInt8(ascii: "."))
    guard exponentMark != nil || point != nil,
      let whole = digits(mantissa[..<(point ?? mantissa.endIndex)], radix: 10), whole.count == 1 || whole.first != "0"
    else { return nil }
    var text = whole
    if let point {
      guard let fraction = digits(mantissa[(point + 1)...], radix: 10) else { return nil }
      text += "." + fraction
    }
    guard let exponentMark else { return text }
    var exponent = body[(exponentMark + 1)...]
    if exponent.first == UInt8(ascii: "-") { text += "e-" } else { text += "e" }
    if exponent.first == UInt8(ascii: "-") || exponent.first == UInt8(ascii: "+") { exponent = exponent.dropFirst() }
    return digits(exponent, radix: 10).map { text + $0 }
  }

  static func shown(_ token: ArraySlice<UInt8>) -> String {
    let text = String(decoding: token.prefix(40), as: UTF8.self)
    return token.count > 40 ? "'\(text)…'" : "'\(text)'"
  }
}
