import ArgumentParser

struct Exec: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exec", abstract: "Run a command in a container.",
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
    var exec = ExecSession(target: target, command: command)
    (exec.input, exec.terminal, exec.environment) = (input, terminal, env)
    (exec.workdir, exec.user) = (workdir, user)
    exec.run(options)
  }
}
