/// Where a byte of a JSON text lies: `linux.resources.devices[1].major`. For errors of texts that couldn't be read, so all that is asked
/// of the text is that it was one up to there; strings are taken as they are written.
public struct JSONPlace: Sendable, CustomStringConvertible {
  private enum Level {
    case object(key: String)
    case array(index: Int)
  }
  private var levels: [Level] = []

  public init(of offset: Int, in bytes: [UInt8]) {
    var at = 0
    // Whether the next string is a member's name.
    var isKey = false
    let end = min(offset, bytes.count)
    while at < end {
      defer { at += 1 }
      switch bytes[at] {
      case UInt8(ascii: "\""):
        let begin = at + 1
        at = Self.lastOfString(from: begin, bytes, end)
        if isKey, case .object = levels.last { levels[levels.count - 1] = .object(key: String(decoding: bytes[begin..<at], as: UTF8.self)) }
      case UInt8(ascii: "{"): (levels, isKey) = (levels + [.object(key: "")], true)
      case UInt8(ascii: "["): (levels, isKey) = (levels + [.array(index: 0)], false)
      case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = levels.popLast()
      case UInt8(ascii: ":"): isKey = false
      case UInt8(ascii: ","): isKey = next()
      default: continue
      }
    }
  }

  /// Where its closing quote is, or the end.
  private static func lastOfString(from begin: Int, _ bytes: [UInt8], _ end: Int) -> Int {
    var at = begin
    while at < end, bytes[at] != UInt8(ascii: "\"") { at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1 }
    return min(at, end)
  }

  /// To the next item; whether it begins with a name.
  private mutating func next() -> Bool {
    switch levels.last {
    case .array(let index):
      levels[levels.count - 1] = .array(index: index + 1)
      return false
    case .object:
      levels[levels.count - 1] = .object(key: "")
      return true
    case nil: return false
    }
  }

  /// Empty for the document itself. No deeper than eight levels: what lies deeper is no member that anybody knows.
  public var description: String {
    var text = ""
    for level in levels.prefix(8) {
      switch level {
      case .array(let index): text += "[\(index)]"
      case .object(""): return text
      case .object(let key): text += (text.isEmpty ? "" : ".") + key.prefix(64)
      }
    }
    return text
  }
}
