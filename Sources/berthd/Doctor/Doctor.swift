import ArgumentParser
import BerthCore
import BerthLinux
import BerthNode
import Glibc

/// `berth doctor` runs this: the daemon's program knows its configuration whether it runs or not.
struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Look whether this machine has what Berth needs, and say what helps where it doesn't.")
  @OptionGroup var options: ConfigurationOptions
  @Option(name: [.customShort("o"), .long], help: "text or json.") var output: Log.Format = .text

  func run() throws {
    let configuration: NodeConfiguration
    do throws(BerthError) { configuration = try options.load() } catch { Log.fail(error) }
    let findings = KernelChecks.all() + FolderChecks(configuration: configuration).all() + NetworkChecks(configuration: configuration).all()
    switch output {
    case .text: for finding in findings { print(finding.text) }
    case .json: print(JSON.array(findings.map(\.json)).pretty())
    }
    if findings.contains(where: { $0.verdict == .failed }) { Glibc.exit(1) }
  }
}
