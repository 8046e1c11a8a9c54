import BerthCore
import BerthRuntime

/// What a user asks of a command beside the container's own ways.
public struct ExecOptions: Sendable, Hashable {
  /// The command and its arguments, at least one.
  public var command: [String]
  /// NAME=value.
  public var environment: [String] = []
  /// Absolute; nil: the container's.
  public var workingDirectory: String?
  /// As a manifest writes it; nil: the container's.
  public var user: String?
  public var terminal: ExecRequest.Terminal?

  public init(command: [String]) { self.command = command }
}

extension ExecOptions {
  /// As the API takes it: `{ command, env, working_dir, user, terminal: { rows, columns } }`. Throws `.invalidArgument` naming the member.
  public init(json: JSON) throws(BerthError) {
    self.init(command: try Self.strings(json, "command"))
    guard command.first?.isEmpty == false else { throw Self.failure("command", "names no command") }
    environment = try Self.strings(json, "env")
    for entry in environment where !entry.dropFirst().contains("=") { throw Self.failure("env", "'\(entry)' is not NAME=VALUE") }
    workingDirectory = json["working_dir"]?.string
    if let workingDirectory, !workingDirectory.hasPrefix("/") { throw Self.failure("working_dir", "is not an absolute path") }
    user = json["user"]?.string
    if let size = json["terminal"], size != .null {
      terminal = .init(rows: UInt16(clamping: size["rows"]?.integer ?? 0), columns: UInt16(clamping: size["columns"]?.integer ?? 0))
    }
  }

  private static func strings(_ json: JSON, _ key: String) throws(BerthError) -> [String] {
    var texts: [String] = []
    for item in json[key]?.array ?? [] {
      guard let text = item.string, !text.utf8.contains(0) else { throw failure(key, "expected strings without NUL") }
      texts.append(text)
    }
    return texts
  }

  private static func failure(_ member: String, _ cause: String) -> BerthError {
    BerthError(.invalidArgument, "exec in container", member, cause: cause)
  }
}
