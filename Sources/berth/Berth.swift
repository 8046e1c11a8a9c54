import ArgumentParser
import BerthClient
import BerthCore
import BerthManifest

@main
struct Berth: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "berth", abstract: "Runs the pods that a directory of TOML manifests describes.", version: BerthVersion.text,
    subcommands: [
      Status.self, Diff.self, Validate.self, Apply.self, Delete.self, Sync.self, Wait.self, Logs.self, Events.self, Explain.self,
      History.self, Rollback.self, Inspect.self, Exec.self, Attach.self, Copy.self, PortForward.self, Restart.self, Top.self, Run.self,
      ContainerCommand.self, TaskCommand.self, NamespaceCommand.self, ImageCommand.self, Login.self, Logout.self, ContentCommand.self,
      SnapshotCommand.self, NetworkCommand.self, VolumeCommand.self,
      DoctorCommand.self, Shutdown.self, Version.self,
    ])

  /// Global options may stand before the verb as well as after it: they are moved behind it before parsing.
  static func main() {
    let arguments = Arguments.normalised(Array(CommandLine.arguments.dropFirst()))
    if let complaint = Arguments.unknownVerb(arguments) { Terminal.fail("berth: \(complaint)", code: 64) }
    do {
      var command = try parseAsRoot(arguments)
      try command.run()
      Terminal.flush()
    } catch let error as BerthError {
      Terminal.fail("berth: \(error)", code: error.exitCode)
    } catch {
      Terminal.flush()
      exit(withError: error)
    }
  }
}

/// What every command that talks to the daemon takes.
struct GlobalOptions: ParsableArguments {
  @Option(name: [.customShort("a"), .long], help: "The daemon's socket. Default: $BERTH_ADDRESS, else /run/berth/berth.sock.")
  var address: String?

  @Option(name: [.customShort("n"), .long], help: "Namespace of pods named without one.")
  var namespace: String = "default"

  @Option(name: [.customShort("o"), .long], help: "text or json.")
  var output: Output = .text

  enum Output: String, ExpressibleByArgument, CaseIterable { case text, json }

  func validate() throws {
    if !DNSLabel.isValid(namespace) {
      throw ValidationError("'\(namespace)' is no namespace: 1 to 63 of a-z, 0-9 and '-', with neither end a '-'")
    }
  }

  var socket: String { address ?? Terminal.environment("BERTH_ADDRESS") ?? "/run/berth/berth.sock" }
  var client: APIClient { APIClient(address: socket) }

  /// `name` or `namespace/name`. Throws `.invalidArgument` for anything else.
  func key(_ text: String) throws(BerthError) -> PodKey {
    guard let key = PodKey(text, defaultNamespace: namespace) else {
      throw BerthError(.invalidArgument, "find pod", text, cause: "expected NAME or NAMESPACE/NAME, each of a-z, 0-9 and '-'")
    }
    return key
  }
}

enum Arguments {
  private static let withValue: Set<String> = ["-a", "--address", "-n", "--namespace", "-o", "--output"]

  private static let flags: Set<String> = ["-A", "--all-namespaces"]

  /// `-n prod status web` → `status -n prod web`.
  static func normalised(_ arguments: [String]) -> [String] {
    var moved: [String] = []
    var at = 0
    while at < arguments.count {
      let argument = arguments[at]
      if withValue.contains(argument), at + 1 < arguments.count {
        moved += [argument, arguments[at + 1]]
        at += 2
      } else if flags.contains(argument)
        || argument.hasPrefix("--") && argument.contains("=") && withValue.contains(String(argument.prefix { $0 != "=" }))
      {
        moved.append(argument)
        at += 1
      } else {
        break
      }
    }
    guard at < arguments.count, !moved.isEmpty, !arguments[at].hasPrefix("-") else { return arguments }
    let verb = arguments[at...].prefix(verbLength(arguments[at...], in: Berth.self))
    return verb + moved + arguments[(at + verb.count)...]
  }

  /// What is wrong with the words that should name a command, if anything is.
  static func unknownVerb(_ arguments: [String]) -> String? {
    var command: any ParsableCommand.Type = Berth.self
    var path = ["berth"]
    for word in arguments {
      guard !command.configuration.subcommands.isEmpty, !word.hasPrefix("-"), word != "help" else { return nil }
      guard let next = subcommand(word, of: command) else {
        let known = command.configuration.subcommands.flatMap { [name(of: $0)] + $0.configuration.aliases }
        let near = Suggestion.near(to: word, among: known.filter { $0.utf8.count > 1 })
        let hint = near.isEmpty ? "\(path.joined(separator: " ")) --help lists them" : "did you mean \(near.joined(separator: ", "))?"
        return "\(path.joined(separator: " ")) has no command '\(word)'; \(hint)"
      }
      command = next
      path.append(word)
    }
    return nil
  }

  private static func name(of command: any ParsableCommand.Type) -> String { command.configuration.commandName ?? command._commandName }

  private static func subcommand(_ word: String, of command: any ParsableCommand.Type) -> (any ParsableCommand.Type)? {
    command.configuration.subcommands.first { name(of: $0) == word || $0.configuration.aliases.contains(word) }
  }

  /// How many words name the command: 2 for `image ls`.
  private static func verbLength(_ words: ArraySlice<String>, in command: any ParsableCommand.Type) -> Int {
    guard let word = words.first, let next = subcommand(word, of: command) else { return command == Berth.self ? 1 : 0 }
    return 1 + verbLength(words.dropFirst(), in: next)
  }
}

extension BerthError {
  /// 64 for a call that can't be understood, 124 for a deadline, else 1.
  var exitCode: Int32 {
    switch code {
    case .deadlineExceeded: 124
    default: 1
    }
  }
}
