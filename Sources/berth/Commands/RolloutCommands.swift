import ArgumentParser
import BerthClient
import BerthCore

struct History: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "Show the specs that a pod was made from, and what became of each.")
  @OptionGroup var options: GlobalOptions
  @Argument(help: "NAME or NAMESPACE/NAME.") var pod: String

  func run() throws {
    let key = try options.key(pod)
    let answer = try options.client.json("GET", "/v1/pods/\(key.namespace)/\(key.name)/history")
    if options.output == .json { return Terminal.print(answer.pretty()) }
    for revision in answer["revisions"]?.array ?? [] { Terminal.print(Terminal.clean(Self.line(revision))) }
    if let reason = answer["held"]?["reason"]?.string { Terminal.print(Terminal.clean("the manifest is not run: \(reason)")) }
  }

  private static func line(_ revision: JSON) -> String {
    let images = (revision["images"]?.object ?? [:]).map { "\($0.key) (\($0.value.string?.prefix(19) ?? ""))" }.joined(separator: ", ")
    let words = [
      "\(revision["revision"]?.integer ?? 0)", revision["begun_at"]?.string ?? "", revision["outcome"]?.string ?? "",
      String((revision["hash"]?.string ?? "").prefix(12)), images, revision["message"]?.string ?? "", revision["note"]?.string ?? "",
    ]
    return words.filter { !$0.isEmpty }.joined(separator: "  ")
  }
}

struct Rollback: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback", abstract: "Run an earlier spec of a pod, with the image digests of then, until its manifest changes.")
  @OptionGroup var options: GlobalOptions
  @Argument(help: "NAME or NAMESPACE/NAME.") var pod: String
  @Argument(help: "The revision (see `berth history`); without it the last one that was ready.") var revision: Int64?

  func run() throws {
    let key = try options.key(pod)
    let query = revision.map { [("revision", "\($0)")] } ?? []
    let answer = try options.client.json("POST", "/v1/pods/\(key.namespace)/\(key.name)/rollback", query: query)
    if options.output == .json { return Terminal.print(answer.pretty()) }
    Terminal.print("pod \(key) runs revision \(answer["revision"]?.integer ?? 0)")
  }
}
