import BerthCore
import BerthLinux

/// Where failures are told, in the two formats of runc's log.
struct RuntimeLog {
  enum Format { case text, json }
  var file: String?
  var format: Format

  init(file: String?, format: Format) {
    self.file = file
    self.format = format
  }

  init(_ options: Words) throws(BerthError) {
    file = options.value("log").flatMap { $0.isEmpty ? nil : $0 }
    switch options.value("log-format") {
    case nil, "text": format = .text
    case "json": format = .json
    case let other?:
      throw BerthError(.invalidArgument, "read options", "--log-format", cause: "\"\(other)\" is neither text nor json")
    }
  }

  /// To the log, and to standard error where that isn't the log itself.
  func fail(_ command: String, _ error: BerthError) {
    let message = Self.bounded("berth-runtime\(command.isEmpty ? "" : " \(command)") failed: \(Self.words(error))")
    let line = self.line("error", message)
    guard let file else { return StandardError.write(line) }
    try? Files.append(line, to: file)
    StandardError.write(Self.oneLine(message) + "\n")
  }

  /// To the log alone.
  func warn(_ message: String) {
    guard let file else { return }
    try? Files.append(line("warning", message), to: file)
  }

  private func line(_ level: String, _ message: String) -> String {
    let now = Timestamp.now.description.prefix(19) + "Z"
    if format == .json {
      let object: JSONObject = ["level": .string(level), "msg": .string(message), "time": .string(String(now))]
      return String(decoding: JSON.object(object).encoded(), as: UTF8.self) + "\n"
    }
    let quoted = String(decoding: JSON.string(message).encoded(), as: UTF8.self)
    return "time=\"\(now)\" level=\(level) msg=\(quoted)\n"
  }

  /// A command or a path can be megabytes long. What went wrong stands at an error's end.
  private static func bounded(_ text: String) -> String {
    text.utf8.count <= 4096 ? text : "\(text.prefix(1024))…\(text.suffix(1024))"
  }

  private static func oneLine(_ text: String) -> String { String(text.map { $0.isNewline ? " " : $0 }) }

  /// Engines tell the two failures of a command's exec by the words that Go has for them.
  private static func words(_ error: BerthError) -> String {
    guard error.operation == "exec" else { return error.description }
    switch error.code {
    case .notFound where !error.subject.contains("/"): return "exec: \"\(error.subject)\": executable file not found in $PATH"
    case .notFound: return "exec: \"\(error.subject)\": no such file or directory"
    case .permissionDenied: return "exec: \"\(error.subject)\": permission denied"
    default: return error.description
    }
  }
}
