import ArgumentParser
import BerthClient
import BerthCore

struct NetworkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "network", abstract: "Look at the networks that pods are on.", subcommands: [List.self, Inspect.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "ls", abstract: "List the networks: Berth's own, and those of [network] config_dir.")
    @OptionGroup var options: GlobalOptions

    func run() throws {
      let networks = try options.client.json("GET", "/v1/networks")["networks"]?.array ?? []
      if options.output == .json { return Terminal.print(JSON.array(networks).pretty()) }
      let rows = networks.map { network in
        [
          network["name"]?.string ?? "", network["kind"]?.string ?? "", network["default"]?.bool == true ? "yes" : "",
          (network["subnets"]?.array ?? []).compactMap(\.string).joined(separator: ", "), "\(network["pods"]?.array?.count ?? 0)",
        ]
      }
      Terminal.print(Terminal.table([["NAME", "KIND", "DEFAULT", "SUBNETS", "PODS"]] + rows))
    }
  }

  struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "inspect",
      abstract: "Print a network's configuration and, of each pod on it, addresses, ports and what CNI plugins said.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "The network's name.") var network: String

    func run() throws { Terminal.print(try options.client.json("GET", "/v1/networks/\(network)").pretty()) }
  }
}
