import ArgumentParser
import BerthClient
import BerthCore

struct Attach: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attach", abstract: "Connect to the streams of a container.",
    discussion: """
      Standard input goes to a container with stdin or tty in its manifest. ctrl-p ctrl-q (with a terminal) or ctrl-c (without) leaves
      the container running. The exit code is the container's, should it end meanwhile.
      """)

  @OptionGroup var options: GlobalOptions
  @Flag(help: "Send no input.") var noStdin = false
  @Argument(help: "[NAMESPACE/]POD[/CONTAINER].") var target: String

  func run() throws {
    do throws(BerthError) {
      let target = try ContainerTarget(target, options)
      let body: JSON = target.container.map { ["container": .string($0)] } ?? [:]
      let answer = try options.client.json("POST", "\(target.path)/attach", body: body)
      guard let socket = answer["socket"]?.string else {
        throw BerthError(.bug, "attach to container", target.text, cause: "the daemon named no socket")
      }
      let terminal = answer["terminal"]?.bool == true
      var session = Session.Options(input: !noStdin && (terminal || answer["stdin"]?.bool == true), terminal: terminal)
      session.attaches = true
      switch try Session(socket, session).run() {
      case .exited(let code): Terminal.leave(code)
      case .detached: Terminal.leave(0)
      }
    } catch { Terminal.fail("berth: \(error)", code: 125) }
  }
}
