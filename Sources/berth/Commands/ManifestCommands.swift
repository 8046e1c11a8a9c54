import ArgumentParser
import BerthClient
import BerthCore
import BerthLinux
import BerthManifest

struct Apply: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply",
    abstract: "Check manifests, then put them into the watched directory, each as one step. Nothing is written if any has an error.",
    discussion: "With --plan, approve a plan that berth diff has shown instead ([manifests] mode = \"manual\").")
  @OptionGroup var options: GlobalOptions
  @Option(help: "The id of the plan to approve, from berth diff.") var plan: String?
  @Argument(help: "Manifest files.") var paths: [String] = []

  func validate() throws {
    if paths.isEmpty == (plan == nil) { throw ValidationError("give manifest files, or --plan with the id of a plan") }
  }

  func run() throws {
    if let plan {
      _ = try options.client.json("POST", "/v1/plans/\(plan)/approve")
      return Terminal.print("plan \(plan) approved")
    }
    let directory = try WatchedDirectory.path(options)
    let files = try ManifestFiles.read(paths)
    // As it will be read there: relative paths start at the directory then.
    let placed = files.map { (path: "\(directory)/\(Files.name(of: $0.path))", bytes: $0.bytes) }
    let diagnostics = ManifestValidator.validate(files: placed, contents: ManifestFiles.content)
    for diagnostic in diagnostics { Terminal.printError(diagnostic.rendered) }
    if diagnostics.contains(where: { $0.severity == .error }) { throw ExitCode(1) }
    for file in placed {
      guard Files.name(of: file.path).hasSuffix(".toml") else {
        throw BerthError(.invalidArgument, "apply manifest", file.path, cause: "its name must end in .toml")
      }
      do throws(Errno) { try Files.writeAtomically(file.bytes, to: file.path, mode: 0o644) } catch {
        throw BerthError(.permissionDenied, "apply manifest", file.path, cause: "\(error)")
      }
      Terminal.print(file.path)
    }
  }
}

struct Delete: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Remove pods' manifests from the watched directory; the pods stop.")
  @OptionGroup var options: GlobalOptions
  @Argument(help: "NAME or NAMESPACE/NAME.") var pods: [String]

  func run() throws {
    for pod in pods {
      let key = try options.key(pod)
      let status = try options.client.json("GET", "/v1/pods/\(key.namespace)/\(key.name)")
      guard let source = status["source"]?.string, !source.isEmpty else {
        throw BerthError(.failedPrecondition, "delete pod", "\(key)", cause: "its manifest is gone already")
      }
      do throws(Errno) { try Files.unlink(source) } catch {
        throw BerthError(.permissionDenied, "delete pod", source, cause: "\(error)")
      }
      Terminal.print(source)
    }
  }
}

enum WatchedDirectory {
  static func path(_ options: GlobalOptions) throws(BerthError) -> String {
    guard let path = try options.client.json("GET", "/v1/version")["manifests"]?.string else {
      throw BerthError(.bug, "find manifests", cause: "berthd doesn't say which directory it follows")
    }
    return path
  }
}

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "inspect", abstract: "Show the spec in force, every default filled in.")
  @OptionGroup var options: GlobalOptions
  @Argument(help: "NAME or NAMESPACE/NAME.") var pod: String

  func run() throws {
    let key = try options.key(pod)
    Terminal.print(try options.client.json("GET", "/v1/pods/\(key.namespace)/\(key.name)/spec").pretty())
  }
}

struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Tell why a pod is as it is: from its file to what blocks it now.")
  @OptionGroup var options: GlobalOptions
  @Argument(help: "NAME or NAMESPACE/NAME.") var pod: String

  func run() throws {
    let key = try options.key(pod)
    let status = try options.client.json("GET", "/v1/pods/\(key.namespace)/\(key.name)")
    let plans = try options.client.json("GET", "/v1/diff")["plans"]?.array ?? []
    let plan = plans.first { $0["name"]?.string == key.name && $0["namespace"]?.string == key.namespace }
    var events: [JSON] = []
    try options.client.lines("GET", "/v1/events", query: []) { line in
      events.append(line)
      return true
    }
    let attempts = Self.attempts(events, namespace: key.namespace, name: key.name)
    if options.output == .json {
      return Terminal.print(JSON.object(["status": status, "plan": plan ?? .null, "pull_attempts": .strings(attempts)]).pretty())
    }
    for line in Self.chain(status, plan, attempts) { Terminal.print(Terminal.clean(line)) }
  }

  /// Every place that had not what the pod's latest pull wanted, and why.
  static func attempts(_ events: [JSON], namespace: String, name: String) -> [String] {
    var attempts: [String] = []
    var isOver = false
    for event in events where event["pod"]?.string == name && event["namespace"]?.string == namespace {
      switch event["reason"]?.string {
      case "PullAttempt":
        if isOver { attempts = [] }
        isOver = false
        attempts.append(event["message"]?.string ?? "")
      case "Pulled": attempts = []
      // Of which these attempts were.
      case "Failed": isOver = true
      default: break
      }
    }
    return attempts
  }

  /// One line a link of the chain.
  static func chain(_ status: JSON, _ plan: JSON?, _ attempts: [String] = []) -> [String] {
    var lines = ["manifest: \(status["source"]?.string ?? "gone")"]
    for condition in status["conditions"]?.array ?? [] where condition["type"]?.string == "ManifestValid" {
      let counts = status["spec_hash"]?.string == nil ? "there is no good version yet" : "the last good version counts"
      lines.append(condition["status"]?.string == "True" ? "  valid" : "  \(condition["message"]?.string ?? "invalid"); \(counts)")
    }
    lines.append(
      "spec in force: \(status["spec_hash"]?.string.map { String($0.prefix(12)) } ?? "none"), generation \(status["generation"]?.integer ?? 0)"
    )
    lines.append("pod: \(status["uid"]?.string ?? "not created"), \(status["phase"]?.string ?? "") \(status["reason"]?.string ?? "")")
    var said: Set<String> = []
    for container in (status["init_containers"]?.array ?? []) + (status["containers"]?.array ?? []) {
      said.insert("container \(container["name"]?.string ?? ""): \(container["message"]?.string ?? "")")
      let words = [container["state"]?.string, container["reason"]?.string, container["message"]?.string].compactMap { $0 }.filter {
        !$0.isEmpty
      }
      lines.append(
        "  container \(container["name"]?.string ?? ""): \(words.joined(separator: ", ")); restarts \(container["restart_count"]?.integer ?? 0)"
      )
      if let last = container["last_state"], let message = last["message"]?.string {
        lines.append("    before: \(message)" + (last["finished_at"]?.string.map { " at \($0)" } ?? ""))
      }
    }
    for attempt in attempts { lines.append("  not to be had: \(attempt)") }
    for action in plan?["actions"]?.array ?? [] {
      lines.append("next: \(action["text"]?.string ?? ""), because \(action["reason"]?.string ?? "")")
    }
    // A container's own stands above.
    if let message = status["message"]?.string, !message.isEmpty, !said.contains(message) { lines.append("message: \(message)") }
    if let retry = status["next_retry_at"]?.string { lines.append("tried again: \(retry)") }
    if status["converged"]?.bool == true { lines.append("nothing is left to do") }
    return lines
  }
}
