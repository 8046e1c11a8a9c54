import ArgumentParser
import BerthCore

struct Restart: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restart", abstract: "Stop a pod's containers and start them again.",
    discussion: """
      The pod is replaced as by an edit of its manifest: stop signal, grace period, a new incarnation of the same spec. What runs goes on \
      until every image that the new one needs can be had.
      """)

  @OptionGroup var options: GlobalOptions
  @Option(help: "How long to wait for the new one to run; 0s doesn't wait. Default: 60s.") var timeout: DurationArgument?
  @Argument(help: "[NAMESPACE/]POD.") var pod: String

  func run() throws {
    let key = try options.key(pod)
    let milliseconds = String(timeout?.duration.milliseconds ?? 60_000)
    let answer = try options.client.json("POST", "/v1/pods/\(key.namespace)/\(key.name)/restart", query: [("timeout_ms", milliseconds)])
    if options.output == .json { Terminal.print(answer.pretty()) }
  }
}
