import BerthCore

/// A further process of a running container: what differs from the container's own process. A plain value that travels as JSON and is
/// read by the launcher alone.
public struct ExecRequest: Sendable, Hashable {
  /// Of the JSON form. Readers refuse a higher one.
  public static let version = 1

  /// The container's, as its launch had it: names the session keyring that all its processes share.
  public var id: String
  /// The container's bundle with its config.json, absolute.
  public var bundle: String
  /// The command and its arguments, at least one.
  public var arguments: [String]
  /// NAME=value, in place of or beside those of the container.
  public var environment: [String] = []
  /// Absolute, in the container; nil: the container's.
  public var workingDirectory: String?
  /// As `LaunchRequest.user`, resolved against the container's own /etc/passwd and /etc/group; nil: the ids of its config.json.
  public var user: String?
  /// A terminal of the container's own devpts instead of three streams.
  public var terminal: Terminal?
  /// A file with the compiled filter; required where the container has one.
  public var seccompFilter: String?

  /// In characters; 0 by 0 leaves the size unset.
  public struct Terminal: Sendable, Hashable {
    public var rows: UInt16
    public var columns: UInt16

    public init(rows: UInt16, columns: UInt16) {
      self.rows = rows
      self.columns = columns
    }
  }

  public init(id: String, bundle: String, arguments: [String]) {
    self.id = id
    self.bundle = bundle
    self.arguments = arguments
  }
}

extension ExecRequest {
  public func json() -> JSON {
    var out: JSONObject = [
      "version": .integer(Self.version), "id": .string(id), "bundle": .string(bundle), "arguments": .strings(arguments),
      "environment": .strings(environment),
    ]
    if let workingDirectory { out["working_directory"] = .string(workingDirectory) }
    if let user { out["user"] = .string(user) }
    if let terminal { out["terminal"] = ["rows": .integer(Int(terminal.rows)), "columns": .integer(Int(terminal.columns))] }
    if let seccompFilter { out["seccomp_filter"] = .string(seccompFilter) }
    return .object(out)
  }

  /// Throws `.invalidArgument` naming the member, `.unsupported` for a newer version.
  public init(parsing bytes: [UInt8]) throws(BerthError) {
    let json: JSON
    do throws(JSONError) { json = try JSON(parsing: bytes) } catch { throw Self.failure("", error.description) }
    guard let version = json["version"]?.integer else { throw Self.failure("version", "is missing") }
    guard version >= 1, version <= Self.version else {
      throw BerthError(.unsupported, "read exec request", "version", cause: "version \(version) is not known here")
    }
    let arguments = try Self.texts(json, "arguments")
    guard !arguments.isEmpty else { throw Self.failure("arguments", "names no command") }
    self.init(id: try Self.text(json, "id") ?? "", bundle: try Self.text(json, "bundle") ?? "", arguments: arguments)
    environment = try Self.texts(json, "environment")
    guard environment.allSatisfy({ $0.dropFirst().contains("=") }) else { throw Self.failure("environment", "expected NAME=value") }
    workingDirectory = try Self.text(json, "working_directory")
    if let workingDirectory, !workingDirectory.hasPrefix("/") { throw Self.failure("working_directory", "is not an absolute path") }
    user = try Self.text(json, "user")
    seccompFilter = try Self.text(json, "seccomp_filter")
    if let size = json["terminal"] {
      terminal = Terminal(
        rows: UInt16(clamping: size["rows"]?.integer ?? 0), columns: UInt16(clamping: size["columns"]?.integer ?? 0))
    }
  }

  private static func failure(_ member: String, _ cause: String) -> BerthError {
    BerthError(.invalidArgument, "read exec request", member, cause: cause)
  }

  private static func text(_ json: JSON, _ key: String) throws(BerthError) -> String? {
    guard let value = json[key] else { return nil }
    guard let text = value.string, !text.utf8.contains(0) else { throw failure(key, "expected a string without NUL") }
    return text
  }

  private static func texts(_ json: JSON, _ key: String) throws(BerthError) -> [String] {
    var texts: [String] = []
    for item in json[key]?.array ?? [] {
      guard let text = item.string, !text.utf8.contains(0) else { throw failure(key, "expected strings without NUL") }
      texts.append(text)
    }
    return texts
  }
}
