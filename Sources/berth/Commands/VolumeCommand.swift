import ArgumentParser
import BerthClient
import BerthCore

struct VolumeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "volume", abstract: "Persistent volumes, which stay when their pod goes.",
    discussion: "A volume is named POD/NAME, one that a namespace's pods share .shared/NAME.",
    subcommands: [List.self, Inspect.self, Remove.self], aliases: ["volumes"])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "List them.", aliases: ["list"])
    @OptionGroup var options: GlobalOptions
    @Flag(name: [.customShort("A"), .long], help: "Of every namespace.") var allNamespaces = false

    func run() throws {
      let query = allNamespaces ? [] : [("namespace", options.namespace)]
      let volumes = try options.client.json("GET", "/v1/volumes", query: query)["volumes"]?.array ?? []
      if options.output == .json { return Terminal.print(JSON.array(volumes).pretty()) }
      let rows = volumes.map { volume in
        (allNamespaces ? [volume["namespace"]?.string ?? ""] : []) + [
          "\(volume["pod"]?.string ?? ".shared")/\(volume["name"]?.string ?? "")",
          (volume["in_use_by"]?.array ?? []).compactMap(\.string).joined(separator: ", "), volume["path"]?.string ?? "",
        ]
      }
      Terminal.print(Terminal.table([(allNamespaces ? ["NAMESPACE"] : []) + ["VOLUME", "USED BY", "PATH"]] + rows))
    }
  }

  struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "inspect", abstract: "Print where one lies, who uses it and what it occupies.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "POD/NAME or .shared/NAME.") var volume: String

    func run() throws { Terminal.print(try options.client.json("GET", try VolumeCommand.path(volume, options)).pretty()) }
  }

  struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rm", abstract: "Remove volumes that no pod uses, with all that is in them.", aliases: ["delete", "remove"])
    @OptionGroup var options: GlobalOptions
    @Argument(help: "POD/NAME or .shared/NAME.") var volumes: [String]

    func run() throws { try Each.of(volumes) { _ = try options.client.json("DELETE", try VolumeCommand.path($0, options)) } }
  }

  private static func path(_ text: String, _ options: GlobalOptions) throws(BerthError) -> String {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw BerthError(.invalidArgument, "find volume", text, cause: "expected POD/NAME or .shared/NAME") }
    return "/v1/volumes/\(options.namespace)/\(text)"
  }
}
