import ArgumentParser
import BerthCore

struct NamespaceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "namespace", abstract: "Namespaces keep the names of pods and containers apart; -n chooses one.",
    subcommands: [Create.self, List.self, Remove.self], aliases: ["namespaces", "ns"])

  struct Create: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "create", abstract: "Make a namespace. It is made by itself, too, when something in it is.", aliases: ["c"])
    @OptionGroup var options: GlobalOptions
    @Argument(help: "A DNS-1123 label.") var name: String
    func run() throws { _ = try options.client.json("POST", "/v1/namespaces/\(name)") }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "List them.", aliases: ["list"])
    @OptionGroup var options: GlobalOptions
    @Flag(name: [.customShort("q"), .long], help: "Names alone.") var quiet = false

    func run() throws {
      let namespaces = try options.client.json("GET", "/v1/namespaces")["namespaces"]?.array ?? []
      if options.output == .json { return Terminal.print(JSON.array(namespaces).pretty()) }
      if quiet { return namespaces.forEach { Terminal.print($0["name"]?.string ?? "") } }
      let rows = namespaces.map { [$0["name"]?.string ?? "", "\($0["pods"]?.integer ?? 0)", "\($0["containers"]?.integer ?? 0)"] }
      Terminal.print(Terminal.table([["NAME", "PODS", "BY HAND"]] + rows))
    }
  }

  struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rm", abstract: "Remove namespaces with nothing in them.", aliases: ["remove"])
    @OptionGroup var options: GlobalOptions
    @Argument(help: "As ls prints them.") var names: [String]
    func run() throws { try Each.of(names) { _ = try options.client.json("DELETE", "/v1/namespaces/\($0)") } }
  }
}
