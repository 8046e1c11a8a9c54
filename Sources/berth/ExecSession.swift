import BerthClient
import BerthCore
import BerthLinux
import BerthRuntime

/// A command that is run in a container, in the words of no particular command line.
struct ExecSession {
  var target: String
  var command: [String]
  var input = false
  var terminal = false
  var environment: [String] = []
  var workdir: String?
  var user: String?

  init(target: String, command: [String]) {
    self.target = target
    self.command = command
  }

  /// Leaves the program with the command's exit code; 125: Berth failed, 126: it can't be executed, 127: it isn't there.
  func run(_ options: GlobalOptions) -> Never {
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
    var body: JSONObject = ["command": .strings(command), "env": .strings(wholeEnvironment)]
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
  private var wholeEnvironment: [String] {
    guard terminal, !environment.contains(where: { $0.hasPrefix("TERM=") }) else { return environment }
    return environment + ["TERM=\(Terminal.environment("TERM") ?? "xterm")"]
  }
}
