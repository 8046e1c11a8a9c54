import ArgumentParser
import BerthClient
import BerthCore

extension TaskCommand {
  /// `berth exec` in ctr's words.
  struct Exec: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "exec", abstract: "Run a command in a container.",
      discussion: "As berth exec, with ctr's options. The exit code is the command's; 125 if Berth failed, 126 and 127 if it can't be run.")
    @OptionGroup var options: GlobalOptions
    @Option(help: "ctr asks for one; a session here needs no name, so any will do.") var execId: String?
    @Flag(name: [.customShort("t"), .long], help: "Give the command a terminal, and read from this one.") var tty = false
    @Flag(name: [.customShort("i"), .customLong("stdin")], help: "Read standard input.") var input = false
    @Option(name: [.customShort("e"), .long], parsing: .unconditionalSingleValue, help: "NAME=VALUE.") var env: [String] = []
    @Option(help: "The directory to run it in.") var cwd: String?
    @Option(name: [.customShort("u"), .long], help: "UID, UID:GID, or names in the container.") var user: String?
    @Argument(help: "[NAMESPACE/]POD[/CONTAINER].") var target: String
    @Argument(parsing: .captureForPassthrough, help: "The command and its arguments.") var command: [String]

    func run() throws {
      let words = HandMade.words(command)
      guard !words.isEmpty else { throw ValidationError("which command?") }
      var exec = ExecSession(target: target, command: words)
      (exec.input, exec.terminal) = (input || tty, tty)
      (exec.environment, exec.workdir, exec.user) = (env, cwd, user)
      exec.run(options)
    }
  }

  struct Metrics: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "metrics", abstract: "Print what a container's cgroup counts.", aliases: ["metric"])
    @OptionGroup var options: GlobalOptions
    @Argument(help: "POD or POD/CONTAINER.") var target: String

    func run() throws {
      let target = try Target(target, options)
      let metrics = try options.client.json("GET", target.path("metrics"), query: target.query)
      if options.output == .json { return Terminal.print(metrics.pretty()) }
      let rows = (metrics.object ?? [:]).sorted { $0.key < $1.key }.map { [$0.key, $0.value.integer.map(String.init) ?? "-"] }
      Terminal.print(Terminal.table([["METRIC", "VALUE"]] + rows))
    }
  }
}
