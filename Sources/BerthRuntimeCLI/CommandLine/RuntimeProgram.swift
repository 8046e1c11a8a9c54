import BerthCore
import BerthLinux

/// runc's command line: global options, a command, its options and arguments.
public enum RuntimeProgram {
  private static let global = Grammar(
    flags: ["debug", "systemd-cgroup", "version v", "help h"], values: ["root", "log", "log-format", "rootless", "criu"], mixes: false)

  private static let usage = """
    usage: berth-runtime [--root DIR] [--log FILE] [--log-format text|json] COMMAND …

    create start run exec state kill delete list ps pause resume update events spec features


    """

  /// Performs one call; `words` without the program's name. Returns the exit code.
  public static func run(_ words: [String]) -> Int32 {
    var log = RuntimeLog(file: nil, format: .text)
    var command = ""
    do throws(BerthError) {
      let options = try Words(words, global, command: "berth-runtime")
      log = try RuntimeLog(options)
      if options.has("version") { return say(FeatureList.version) }
      guard let name = options.rest.first, name != "help", !options.has("help") else { return say(usage) }
      command = name
      if options.has("systemd-cgroup") {
        throw BerthError(.unsupported, "read options", "--systemd-cgroup", cause: "only the cgroupfs manager is supported")
      }
      try requireSealed(name)
      let store = ContainerStore(root: try absolute(options.value("root") ?? "/run/berth-runtime"))
      return try perform(name, Array(options.rest.dropFirst()), Invocation(store: store, log: log))
    } catch {
      if error == Words.help { return say(usage) }
      log.fail(command, error)
      // runc's own: 255 tells a failed exec from a command that failed.
      return command == "exec" && error.operation != "read options" ? 255 : 1
    }
  }

  /// A process in a container can reach the program that put it there: that must not be writable for it.
  private static func requireSealed(_ name: String) throws(BerthError) {
    guard ["create", "run", "exec"].contains(name), !ProcessControl.isSealed else { return }
    throw BerthError(.failedPrecondition, "seal program", cause: "it doesn't run from a read-only mount of its own")
  }

  private static func perform(_ name: String, _ words: [String], _ call: Invocation) throws(BerthError) -> Int32 {
    switch name {
    case "create": return try CreateCommand.perform(words, call, .create)
    case "run": return try CreateCommand.perform(words, call, .run)
    case "start": return try StartCommand.perform(words, call)
    case "exec": return try ExecCommand.perform(words, call)
    case "kill": return try KillCommand.perform(words, call)
    case "delete": return try DeleteCommand.perform(words, call)
    case "pause": return try FreezeCommand.perform(words, call, frozen: true)
    case "resume": return try FreezeCommand.perform(words, call, frozen: false)
    case "update": return try UpdateCommand.perform(words, call)
    case "state": return try StateCommand.perform(words, call)
    case "list": return try ListCommand.perform(words, call)
    case "ps": return try ProcessesCommand.perform(words, call)
    case "events": return try EventsCommand.perform(words, call)
    case "spec": return try SpecCommand.perform(words)
    case "features": return say(FeatureList.json.pretty() + "\n")
    case "checkpoint", "restore":
      throw BerthError(.unsupported, name, cause: "checkpoints are not supported: what is restored from one can't be trusted")
    default: throw BerthError(.invalidArgument, "read options", name, cause: "no such command")
    }
  }

  /// To standard output; returns 0.
  static func say(_ text: String) -> Int32 {
    var bytes = Array(text.utf8)
    return Descriptors.write(&bytes, to: 1) ? 0 : 1
  }

  /// A path of the caller's, from the root.
  static func absolute(_ path: String) throws(BerthError) -> String {
    if path.hasPrefix("/") { return path }
    do throws(Errno) { return "\(try Files.workingDirectory())/\(path)" } catch {
      throw BerthError(.unavailable, "read options", path, cause: error.description)
    }
  }
}

/// What every command works with.
struct Invocation {
  var store: ContainerStore
  var log: RuntimeLog

  /// The one container that a command is about.
  func id(_ words: Words, _ command: String, arguments: ClosedRange<Int> = 1...1) throws(BerthError) -> String {
    guard arguments.contains(words.rest.count), let id = words.rest.first else {
      throw Words.misuse(command, "", "needs \(arguments.count > 1 ? "at least " : "exactly ")one container id")
    }
    return try ContainerStore.checked(id)
  }
}
