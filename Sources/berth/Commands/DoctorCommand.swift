import ArgumentParser
import BerthCore
import BerthLinux
import Glibc

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Look whether this machine has what Berth needs, and say what helps where it doesn't.",
    discussion: "Exit code 0 if all is well or could only be better, 1 if something failed.")
  @OptionGroup var options: GlobalOptions
  @Option(help: "The daemon's configuration file. Default: /etc/berth/config.toml if it exists.") var config: String?

  /// The daemon's program knows the configuration, whether it runs or not: this one makes way for it.
  func run() throws {
    let own = (try? Files.readLink("/proc/self/exe")) ?? ""
    let program = "\(Files.parent(of: own))/berthd"
    var arguments = ["berthd", "doctor", "--output", options.output.rawValue]
    if let address = options.address ?? Terminal.environment("BERTH_ADDRESS") { arguments += ["--address", address] }
    if let config { arguments += ["--config", config] }
    let failure = ProcessControl.execute(program, arguments)
    throw BerthError(.notFound, "run doctor", program, cause: "\(failure); berth and berthd are installed side by side")
  }
}
