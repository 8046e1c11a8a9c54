import ArgumentParser
import BerthClient
import BerthCore
import BerthLinux

struct Diff: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Print the plan: every action with its reason. Exit code 2 if there is something to do.")

  @OptionGroup var options: GlobalOptions
  @Argument(help: "Manifests to plan instead of the watched directory.") var paths: [String] = []

  func run() throws {
    let answer: JSON
    if paths.isEmpty {
      answer = try options.client.json("GET", "/v1/diff")
    } else {
      let files = try ManifestFiles.read(paths)
      answer = try options.client.json(
        "POST", "/v1/diff",
        body: [
          "files": .array(
            files.map { ["path": .string($0.path), "content": .string(String(decoding: $0.bytes, as: UTF8.self))] })
        ])
    }
    // A pod as it should be has no actions, and waits for nothing.
    let plans = (answer["plans"]?.array ?? []).filter { $0["actions"]?.array?.isEmpty == false || $0["waiting_for"]?.string != nil }
    let diagnostics = answer["diagnostics"]?.array ?? []
    if options.output == .json {
      Terminal.print(answer.pretty())
    } else {
      for diagnostic in diagnostics { Terminal.printError(StatusText.diagnostic(diagnostic)) }
      for plan in plans { Terminal.print(Self.text(plan)) }
      if let id = answer["plan_id"]?.string { Terminal.print("plan \(id) waits for approval: berth apply --plan \(id)") }
      if plans.isEmpty && diagnostics.isEmpty { Terminal.print("nothing to do") }
    }
    // A file of the directory that is broken has no plan; that of the others stands.
    if !paths.isEmpty, diagnostics.contains(where: { $0["severity"]?.string == "error" }) { throw ExitCode(1) }
    if plans.contains(where: { $0["actions"]?.array?.isEmpty == false }) { throw ExitCode(2) }
  }

  private static func value(_ json: JSON?) -> String { json?.string.flatMap { $0.isEmpty ? nil : $0 } ?? "(none)" }

  private static func text(_ plan: JSON) -> String {
    var lines = ["pod \(plan["namespace"]?.string ?? "")/\(plan["name"]?.string ?? "")"]
    for action in plan["actions"]?.array ?? [] {
      lines.append("  \(action["text"]?.string ?? ""): \(action["reason"]?.string ?? "")")
      for change in action["changes"]?.array ?? [] {
        let how = change["in_place"]?.bool == true ? "in place" : "recreate"
        lines.append("    \(change["path"]?.string ?? ""): \(value(change["old"])) → \(value(change["new"])) (\(how))")
      }
    }
    if let waiting = plan["waiting_for"]?.string { lines.append("  waiting for \(waiting)") }
    return lines.map(Terminal.clean).joined(separator: "\n")
  }
}

struct Sync: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "sync", abstract: "Read the manifest directory again, now.")

  @OptionGroup var options: GlobalOptions
  @Flag(help: "Return once every pod is as its manifest asks; exit code 1 if a manifest has errors.") var wait = false
  @Option(help: "Give up after this long (30s, 2m); exit code 124.") var timeout: DurationArgument?
  @Flag(help: "Let removals that the prune guard holds take effect.") var prune = false

  func run() throws {
    var query = [("wait", wait ? "true" : "false"), ("prune", prune ? "true" : "false")]
    if let timeout { query.append(("timeout_ms", "\(timeout.duration.milliseconds)")) }
    let answer = try options.client.json("POST", "/v1/sync", query: query)
    let pods = answer["pods"]?.array ?? []
    if options.output == .json {
      Terminal.print(JSON.array(pods).pretty())
    } else {
      Terminal.print(StatusText.table(pods, showNamespace: true))
    }
    if let warning = answer["warning"]?.string { Terminal.printError("warning: \(warning)") }
    let errors = pods.flatMap { $0["diagnostics"]?.array ?? [] }.filter { $0["severity"]?.string == "error" }
    guard wait, !errors.isEmpty else { return }
    if options.output != .json { for error in errors { Terminal.printError(StatusText.diagnostic(error)) } }
    throw ExitCode(1)
  }
}

struct Wait: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wait", abstract: "Wait until a pod is running, ready, succeeded or deleted.")

  @OptionGroup var options: GlobalOptions
  @Argument(help: "NAME or NAMESPACE/NAME.") var pod: String
  @Option(name: .customLong("for"), help: "ready, running, succeeded or deleted.") var goal: Goal
  @Option(help: "Give up after this long (30s, 2m); exit code 124.") var timeout: DurationArgument?

  enum Goal: String, ExpressibleByArgument, CaseIterable { case ready, running, succeeded, deleted }

  func run() throws {
    let key = try options.key(pod)
    var query = [("for", goal.rawValue)]
    if let timeout { query.append(("timeout_ms", "\(timeout.duration.milliseconds)")) }
    let status = try options.client.json("GET", "/v1/pods/\(key.namespace)/\(key.name)/wait", query: query)
    if options.output == .json { Terminal.print(status.pretty()) }
  }
}

struct DurationArgument: ExpressibleByArgument {
  var duration: Duration
  init?(argument: String) {
    guard let duration = DurationText.parse(argument) else { return nil }
    self.duration = duration
  }
}

struct Shutdown: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shutdown", abstract: "Stop all pods gracefully, then the daemon. They start again with it.")
  @OptionGroup var options: GlobalOptions
  func run() throws { _ = try options.client.json("POST", "/v1/shutdown") }
}

struct Version: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the versions of client and daemon.")
  @OptionGroup var options: GlobalOptions

  func run() throws {
    let daemon = try? options.client.json("GET", "/v1/version")
    let value: JSON = [
      "client": .string(BerthVersion.text), "daemon": daemon?["version"] ?? .null, "snapshotter": daemon?["snapshotter"] ?? .null,
    ]
    if options.output == .json { return Terminal.print(value.pretty()) }
    Terminal.print("client \(BerthVersion.text)\ndaemon \(daemon?["version"]?.string ?? "not reached")")
    if let snapshotter = daemon?["snapshotter"], let kind = snapshotter["kind"]?.string {
      Terminal.print("snapshotter \(kind)\(snapshotter["reason"]?.string.map { " (\($0))" } ?? "")")
    }
  }
}
