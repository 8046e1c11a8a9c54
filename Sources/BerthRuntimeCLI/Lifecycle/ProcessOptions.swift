import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime

/// The process that `exec` is to run: a file's, or the container's own with other arguments.
enum ProcessOptions {
  static func process(_ words: Words, container: RuntimeSpec) throws(BerthError) -> RuntimeSpec.Process {
    if let file = words.value("process") { return try read(file) }
    guard var process = container.process else { throw BerthError(.invalidArgument, "exec", "process", cause: "is missing") }
    let command = Array(words.rest.dropFirst())
    guard !command.isEmpty else { throw BerthError(.invalidArgument, "exec", cause: "process args cannot be empty") }
    process.args = command
    process.terminal = words.has("tty")
    process.consoleSize = nil
    // Empty, as some engines write what they leave out.
    if let cwd = words.value("cwd"), !cwd.isEmpty {
      guard cwd.hasPrefix("/") else { throw BerthError(.invalidArgument, "exec", "--cwd", cause: "is not an absolute path") }
      process.cwd = cwd
    }
    for entry in words.values("env") {
      guard entry.dropFirst().contains("="), !entry.utf8.contains(0) else {
        throw BerthError(.invalidArgument, "exec", "--env", cause: "is not NAME=value")
      }
      process.env.append(entry)
    }
    if let user = words.value("user"), !user.isEmpty { try setUser(user, &process) }
    for gid in words.values("additional-gids") { process.user.additionalGids.append(try number(gid, "--additional-gids")) }
    if let label = words.value("process-label") { process.selinuxLabel = label }
    if let profile = words.value("apparmor") { process.apparmorProfile = profile }
    if words.names.contains("no-new-privs") { process.noNewPrivileges = words.has("no-new-privs") }
    add(words.values("cap"), &process)
    return process
  }

  private static func read(_ file: String) throws(BerthError) -> RuntimeSpec.Process {
    let bytes: [UInt8]
    do throws(Errno) { bytes = try Files.read(file, limit: 4 << 20) } catch {
      throw BerthError(.notFound, "read process", file, cause: error.description)
    }
    let json: JSON
    do throws(JSONError) { json = try JSON(parsing: bytes) } catch {
      throw BerthError(.invalidArgument, "read process", file, cause: error.description)
    }
    let spec = try RuntimeSpec(decoding: ["ociVersion": "1.0.0", "process": json])
    guard let process = spec.process else { throw BerthError(.invalidArgument, "read process", file, cause: "is no process") }
    if let field = spec.notModelled.first { throw BerthError(.unsupported, "read process", field, cause: "is not supported yet") }
    return process
  }

  /// `uid` or `uid:gid`, as runc takes them: names are the engine's to resolve.
  private static func setUser(_ text: String, _ process: inout RuntimeSpec.Process) throws(BerthError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    process.user.uid = try number(parts[0], "--user")
    if parts.count == 2 { process.user.gid = try number(parts[1], "--user") }
  }

  private static func number(_ text: String, _ option: String) throws(BerthError) -> UInt32 {
    guard let number = UInt32(text), number != .max, text.utf8.allSatisfy({ (48...57).contains($0) }) else {
      throw BerthError(.invalidArgument, "exec", option, cause: "\"\(text)\" is no id from 0 to 4294967294")
    }
    return number
  }

  /// To the sets that count at once; nothing is inherited by programs without it.
  private static func add(_ names: [String], _ process: inout RuntimeSpec.Process) {
    guard !names.isEmpty else { return }
    var sets = process.capabilities ?? RuntimeSpec.Capabilities()
    for name in names {
      for set in [\RuntimeSpec.Capabilities.bounding, \.effective, \.permitted] where !sets[keyPath: set].contains(name) {
        sets[keyPath: set].append(name)
      }
    }
    process.capabilities = sets
  }
}
