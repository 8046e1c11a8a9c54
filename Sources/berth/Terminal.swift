import BerthClient
import BerthCore
import BerthLinux
import Glibc

/// Standard output and error.
enum Terminal {
  static let isTerminal = isatty(1) == 1

  static func print(_ text: String) { write(Array(text.utf8) + [10]) }
  static func printError(_ text: String) { StandardError.write(text + "\n") }

  /// A reader that went away (`| head`) ends the program quietly.
  static func write(_ bytes: [UInt8]) { if !StandardOutput.write(bytes) { exit(0) } }
  static func flush() { if !StandardOutput.flush() { exit(0) } }

  static func fail(_ text: String, code: Int32) -> Never {
    StandardOutput.flush()
    printError(text)
    exit(code)
  }

  static func leave(_ code: Int32) -> Never { exit(code) }

  static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  /// Columns padded to their widest cell, two spaces between them.
  static func table(_ rows: [[String]]) -> String {
    var widths: [Int] = []
    for row in rows {
      for (at, cell) in row.enumerated() {
        if at == widths.count { widths.append(0) }
        widths[at] = max(widths[at], cell.count)
      }
    }
    return rows.map { row in
      var line = ""
      for (at, cell) in row.enumerated() {
        line += cell
        if at < row.count - 1 { line += String(repeating: " ", count: widths[at] - cell.count + 2) }
      }
      return line
    }.joined(separator: "\n")
  }

  /// Control characters of untrusted text, escaped: they could drive the terminal.
  static func clean(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { isControl($0) }) else { return text }
    var out = ""
    for scalar in text.unicodeScalars {
      if isControl(scalar) { out += "\\u{\(String(scalar.value, radix: 16))}" } else { out.unicodeScalars.append(scalar) }
    }
    return out
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    (scalar.value < 32 && scalar != "\t") || (127...159).contains(scalar.value)
  }

  /// `5s`, `12m`, `3h`, `9d` since `timestamp`.
  static func age(of timestamp: String?) -> String {
    guard let timestamp, let start = Timestamp(timestamp) else { return "-" }
    let seconds = max(0, (Clock.wallNanoseconds() - start.nanoseconds) / 1_000_000_000)
    switch seconds {
    case ..<120: return "\(seconds)s"
    case ..<7200: return "\(seconds / 60)m"
    case ..<172_800: return "\(seconds / 3600)h"
    default: return "\(seconds / 86_400)d"
    }
  }

  /// `12.3 MB`.
  static func size(_ bytes: Int64) -> String {
    var value = Double(bytes)
    for unit in ["B", "kB", "MB", "GB"] {
      if value < 1000 || unit == "GB" { return unit == "B" ? "\(bytes) B" : "\((value * 10).rounded() / 10) \(unit)" }
      value /= 1000
    }
    return "\(bytes) B"
  }
}
