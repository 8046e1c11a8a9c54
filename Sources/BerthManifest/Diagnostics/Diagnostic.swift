import BerthCore

/// Something to say about a place in a file, for people (`rendered`) and programs (`json`).
public struct Diagnostic: Sendable, Hashable {
  public enum Severity: String, Sendable, CaseIterable {
    case error
    case warning
  }
  public var severity: Severity
  /// As the caller names it; not necessarily absolute.
  public var file: String
  public var position: SourcePosition
  /// The column just after what the message is about, on the same line.
  public var endColumn: Int
  /// One sentence without a full stop.
  public var message: String
  /// What to do about it.
  public var help: String?
  /// The line that `position` is on.
  public var sourceLine: String?

  public init(
    _ severity: Severity, file: String, position: SourcePosition, endColumn: Int, message: String, help: String? = nil,
    sourceLine: String? = nil
  ) {
    self.severity = severity
    self.file = file
    self.position = position
    self.endColumn = endColumn
    self.message = message
    self.help = help
    self.sourceLine = sourceLine
  }

  /// `file:line:col: error: message`, as compilers print it and editors find it.
  public var summary: String { "\(file):\(position): \(severity.rawValue): \(message)" }

  /// The summary, the line with a caret under the place, and the help.
  public var rendered: String {
    var text = Self.printable(summary) + "\n"
    if let sourceLine, !sourceLine.isEmpty {
      text += Self.printable(sourceLine) + "\n" + carets(under: sourceLine) + "\n"
    }
    if let help { text += "help: \(Self.printable(help))\n" }
    return text
  }

  /// `^~~~` below the place; tabs are kept so that it stays in line.
  private func carets(under line: String) -> String {
    var text = ""
    for scalar in line.unicodeScalars.prefix(Swift.max(0, position.column - 1)) { text += scalar == "\t" ? "\t" : " " }
    let shown = Swift.min(endColumn, line.unicodeScalars.count + 1) - position.column
    return text + "^" + String(repeating: "~", count: Swift.max(0, shown - 1))
  }

  /// Control characters of a hostile file don't reach the terminal.
  private static func printable(_ line: String) -> String {
    var text = String.UnicodeScalarView()
    for scalar in line.unicodeScalars {
      let isControl = scalar.properties.generalCategory == .control && scalar != "\t"
      text.append(isControl ? "\u{FFFD}" : scalar)
    }
    return String(text)
  }

  public var json: JSON {
    [
      "file": .string(file), "line": .integer(position.line), "column": .integer(position.column), "end_column": .integer(endColumn),
      "severity": .string(severity.rawValue), "message": .string(message), "help": .optional(help), "source_line": .optional(sourceLine),
    ]
  }

  /// As `json` wrote it; nil for anything else.
  public init?(json: JSON) {
    func number(_ key: String) -> Int? { json[key]?.integer.flatMap { Int(exactly: $0) } }
    guard let file = json["file"]?.string, let message = json["message"]?.string, let line = number("line"), line >= 1,
      let column = number("column"), column >= 1
    else { return nil }
    self.init(
      json["severity"]?.string.flatMap { Severity(rawValue: $0) } ?? .error, file: file,
      position: SourcePosition(line: line, column: column), endColumn: number("end_column") ?? column, message: message,
      help: json["help"]?.string, sourceLine: json["source_line"]?.string)
  }
}
