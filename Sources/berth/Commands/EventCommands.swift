import ArgumentParser
import BerthClient
import BerthCore

struct Events: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "events", abstract: "Show what happened.")

  @OptionGroup var options: GlobalOptions
  @Flag(name: [.customShort("f"), .long], help: "Go on as new ones come.") var follow = false

  func run() throws {
    try options.client.lines("GET", "/v1/events", query: follow ? [("follow", "true")] : []) { event in
      Terminal.print(options.output == .json ? String(decoding: event.encoded(), as: UTF8.self) : Self.text(event))
      if follow { Terminal.flush() }
      return true
    }
  }

  private static func text(_ event: JSON) -> String {
    let pod = event["pod"]?.string.map { "\(event["namespace"]?.string ?? "")/\($0)" } ?? "-"
    let mark = event["severity"]?.string == "warning" ? "!" : " "
    let line = Terminal.clean(
      "\(event["time"]?.string ?? "") \(mark) \(event["reason"]?.string ?? "") \(pod): \(event["message"]?.string ?? "")")
    let diagnostics = (event["diagnostics"]?.array ?? []).flatMap { StatusText.diagnostic($0).split(separator: "\n") }
    return ([line] + diagnostics.map { "    \($0)" }).joined(separator: "\n")
  }
}
