import ArgumentParser
import BerthClient
import BerthCore

struct TaskCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "task", abstract: "The running side of containers: those made by hand, and those of manifests.",
    subcommands: [
      Start.self, List.self, Kill.self, Pause.self, Resume.self, Processes.self, Exec.self, Attach.self, Metrics.self, Remove.self,
    ], aliases: ["tasks", "t"])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "List tasks.", aliases: ["list"])
    @OptionGroup var options: GlobalOptions
    @Flag(name: [.customShort("A"), .long], help: "Of every namespace.") var allNamespaces = false
    @Flag(name: [.customShort("q"), .long], help: "Names alone.") var quiet = false

    func run() throws {
      let answer = try options.client.json("GET", "/v1/tasks", query: allNamespaces ? [] : [("namespace", options.namespace)])
      let tasks = answer["tasks"]?.array ?? []
      if options.output == .json { return Terminal.print(JSON.array(tasks).pretty()) }
      if quiet { return tasks.forEach { Terminal.print(Self.name($0)) } }
      let rows = tasks.map { task in
        (allNamespaces ? [task["namespace"]?.string ?? ""] : []) + [
          Self.name(task), task["pid"]?.integer.map(String.init) ?? "-", (task["state"]?.string ?? "").uppercased(),
          task["by_hand"]?.bool == true ? "hand" : "manifest",
        ]
      }
      Terminal.print(Terminal.table([(allNamespaces ? ["NAMESPACE"] : []) + ["TASK", "PID", "STATUS", "MADE BY"]] + rows))
    }

    /// As the other commands take it: POD where the container is called like it, else POD/CONTAINER.
    private static func name(_ task: JSON) -> String {
      let (pod, container) = (task["pod"]?.string ?? "", task["container"]?.string ?? "")
      return pod == container ? pod : "\(pod)/\(container)"
    }
  }

  struct Kill: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "kill", abstract: "Send a signal to a container's first process, or to all of them.",
      discussion: "A container of a manifest is started again by its restart policy; remove the manifest to end it for good.")
    @OptionGroup var options: GlobalOptions
    @Option(name: [.short, .long], help: "A name or a number.") var signal = "TERM"
    // Without ctr's -a: that is --address, as everywhere.
    @Flag(help: "To every process of the container.") var all = false
    @Argument(help: "POD or POD/CONTAINER.") var target: String
    @Argument(help: "Instead of --signal.") var signalWord: String?

    func run() throws {
      let target = try Target(target, options)
      _ = try options.client.json(
        "POST", target.path("kill"), query: target.query + [("signal", signalWord ?? signal), ("all", all ? "true" : "false")])
    }
  }

  struct Pause: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "pause", abstract: "Freeze a container's processes where they are.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "POD or POD/CONTAINER.") var target: String
    func run() throws { try Target(target, options).post("pause", options) }
  }

  struct Resume: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "resume", abstract: "Let a paused container go on.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "POD or POD/CONTAINER.") var target: String
    func run() throws { try Target(target, options).post("resume", options) }
  }

  struct Processes: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ps", abstract: "List a container's processes by the node's numbers.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "POD or POD/CONTAINER.") var target: String

    func run() throws {
      let target = try Target(target, options)
      let answer = try options.client.json("GET", target.path("processes"), query: target.query)
      let pids = answer["pids"]?.array ?? []
      if options.output == .json { return Terminal.print(JSON.array(pids).pretty()) }
      Terminal.print((["PID"] + pids.compactMap { $0.integer.map(String.init) }).joined(separator: "\n"))
    }
  }

  struct Start: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "start", abstract: "Start a container that was made by hand.")
    @OptionGroup var options: GlobalOptions
    @Flag(name: [.short, .long], help: "Return once it runs; without it, show its output and pass its exit code on.") var detach = false
    @Argument(help: "NAME or NAMESPACE/NAME.") var name: String

    func run() throws {
      let key = try options.key(name)
      _ = try options.client.json("POST", HandMade.path("tasks", key))
      if detach { try Foreground.awaitStart(key, options) } else { try Foreground.follow(key, options, remove: false) }
    }
  }

  struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rm", abstract: "Remove tasks that have ended; with --force, end them first.", aliases: ["delete", "del", "remove"])
    @OptionGroup var options: GlobalOptions
    @Flag(name: [.short, .long], help: "Stop it first.") var force = false
    @Argument(help: "NAME or NAMESPACE/NAME.") var names: [String]

    func run() throws {
      try Each.of(names) { name in
        _ = try options.client.json(
          "DELETE", HandMade.path("tasks", try options.key(name)), query: [("force", force ? "true" : "false")])
      }
    }
  }
}

/// `POD`, `POD/CONTAINER`; the namespace is -n's.
struct Target {
  var key: PodKey
  var container: String?

  init(_ text: String, _ options: GlobalOptions) throws(BerthError) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    key = try options.key(parts[0])
    container = parts.count == 2 ? parts[1] : nil
  }

  var query: [(String, String)] { container.map { [("container", $0)] } ?? [] }
  func path(_ verb: String) -> String { HandMade.path("tasks", key) + "/\(verb)" }
  func post(_ verb: String, _ options: GlobalOptions) throws(BerthError) {
    _ = try options.client.json("POST", path(verb), query: query)
  }
}
