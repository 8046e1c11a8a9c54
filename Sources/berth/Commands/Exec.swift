import ArgumentParser
import BerthClient
import BerthCore
import BerthLinux
import BerthRuntime

struct Exec: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a command in a container.",
    discussion: """
      The exit code is the command's; 125 if Berth failed, 126 if the command cannot be executed, 127 if it isn't there.
      With a terminal, ctrl-p ctrl-q leaves the command running.
      """)

  @OptionGroup var options: GlobalOptions
  @Flag(name: [.customShort("i"), .customLong("stdin")], help: "Read standard input.") var input = false
  @Flag(name: [.customShort("t"), .customLong("tty")], help: "Give the command a terminal.") var terminal = false
  @Option(name: [.customShort("e"), .long], parsing: .unconditionalSingleValue, help: "NAME=VALUE, beside the container's environment.")
  var env: [String] = []
  @Option(name: [.customShort("w"), .customLong("workdir")], help: "The directory to run it in. Default: the container's.")
  var workdir: String?
  @Option(name: [.customShort("u"), .long], help: "UID, UID:GID, or names in the container. Default: the container's user.")
  var user: String?
  @Argument(help: "[NAMESPACE/]POD[/CONTAINER].") var target: String
  @Argument(help: "The command and its arguments, after --.") var command: [String]

  func run() throws {
    do throws(BerthError) {
      let target = try ContainerTarget(target, options)
      let answer = try options.client.json("POST", "\(target.path)/exec", body: body(target))
      guard let socket = answer["socket"]?.string else {
        throw BerthError(.bug, "exec in container", target.text, cause: "the daemon named no socket")
      }
      switch try Session(socket, Session.Options(input: input, terminal: terminal)).run() {
      case .exited(let code): Terminal.leave(code)
      case .detached: Terminal.leave(0)
      }
    } catch { Terminal.fail("berth: \(error)", code: ContainerLauncher.exitCode(for: error) ?? 125) }
  }

  private func body(_ target: ContainerTarget) -> JSON {
    var body: JSONObject = ["command": .strings(command), "env": .strings(environment)]
    if let container = target.container { body["container"] = .string(container) }
    if let workdir { body["working_dir"] = .string(workdir) }
    if let user { body["user"] = .string(user) }
    if terminal {
      let size = RawTerminal.size ?? (0, 0)
      body["terminal"] = ["rows": .integer(Int(size.rows)), "columns": .integer(Int(size.columns))]
    }
    return .object(body)
  }

  /// A command with a terminal needs to know what kind it is.
  private var environment: [String] {
    guard terminal, !env.contains(where: { $0.hasPrefix("TERM=") }) else { return env }
    return env + ["TERM=\(Terminal.environment("TERM") ?? "xterm")"]
  }
}
