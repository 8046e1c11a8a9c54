import ArgumentParser
import BerthClient
import BerthCore
import BerthLinux

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Make a container by hand and start it.",
    discussion: "It belongs to no manifest: it isn't started again, and stays until it is removed (berth task rm, berth container rm).")
  @OptionGroup var options: GlobalOptions
  @OptionGroup var container: ContainerOptions
  @Flag(name: [.short, .long], help: "Return once it runs; without it, show its output and pass its exit code on.") var detach = false
  @Flag(name: .customLong("rm"), help: "Remove it once it has ended.") var remove = false
  @Argument(help: "As in a manifest.") var image: String
  @Argument(help: "NAME or NAMESPACE/NAME.") var name: String
  @Argument(parsing: .captureForPassthrough, help: "Instead of the image's.") var command: [String] = []

  func validate() throws {
    if detach && remove { throw ValidationError("--rm needs somebody to wait for the end: leave out --detach") }
  }

  func run() throws {
    let key = try options.key(name)
    try HandMade.create(options, container, image: image, name: name, command: command)
    _ = try options.client.json("POST", HandMade.path("tasks", key))
    do { try Foreground.awaitStart(key, options) } catch {
      // What was just made and never ran is in nobody's way.
      try? Foreground.clean(key, options)
      throw error
    }
    if !detach { try Foreground.follow(key, options, remove: remove) }
  }
}

/// A task that somebody watches.
enum Foreground {
  /// Returns once it runs, or has ended already. Throws why it couldn't be started.
  static func awaitStart(_ key: PodKey, _ options: GlobalOptions) throws {
    let status = try options.client.json("GET", HandMade.path("pods", key) + "/wait", query: [("for", "started")])
    if let failure = startFailure(status) { throw BerthError(.failedPrecondition, "start task", "\(key)", cause: failure) }
  }

  private static func startFailure(_ status: JSON) -> String? {
    let container = status["containers"]?.array?.first
    let isWaiting = container?["state"]?.string == "waiting"
    let hasEnded = container?["state"]?.string == "terminated"
    let wasNeverRun = container?["exit_code"]?.integer == nil || container?["reason"]?.string == "RunContainerError"
    guard isWaiting || hasEnded && wasNeverRun else { return nil }
    return container?["message"]?.string ?? status["message"]?.string ?? "it could not be started"
  }

  /// Shows what it writes until it ends, hands it the signals this program gets, and ends with its exit code.
  static func follow(_ key: PodKey, _ options: GlobalOptions, remove: Bool) throws {
    let signals = [Signals.interrupt, Signals.terminate, Signals.hangUp]
    Signals.block(signals)
    defer { if remove { try? clean(key, options) } }
    let end = try WakeUp()
    let outcome = BlockingQueue<Result<JSON, BerthError>>()
    Threads.start("wait") {
      outcome.push(
        Result { () throws(BerthError) in
          try options.client.json("GET", HandMade.path("pods", key) + "/wait", query: [("for", "finished")])
        })
      end.wake()
    }
    Threads.start("signals") {
      while true {
        let signal = Signals.wait(for: signals)
        _ = try? options.client.json("POST", HandMade.path("tasks", key) + "/kill", query: [("signal", "\(signal)")])
      }
    }
    try awaitStart(key, options)
    try show(key, options, until: end)
    let status = try outcome.pop().get()
    Terminal.flush()
    if remove { try clean(key, options) }
    throw ExitCode(Int32(clamping: status["containers"]?.array?.first?["exit_code"]?.integer ?? 1))
  }

  private static func show(_ key: PodKey, _ options: GlobalOptions, until end: WakeUp) throws {
    let status = try options.client.json("GET", HandMade.path("pods", key))
    guard let path = status["containers"]?.array?.first?["log_path"]?.string else { return }
    var reader = try LogReader(path: path)
    let printer = LogPrinter(raw: !Terminal.isTerminal, json: false, timestamps: false)
    try reader.follow(until: end) { record in
      printer.write(record)
      Terminal.flush()
    }
  }

  static func clean(_ key: PodKey, _ options: GlobalOptions) throws {
    _ = try options.client.json("DELETE", HandMade.path("tasks", key), query: [("force", "true")])
    _ = try options.client.json("DELETE", HandMade.path("containers", key))
  }
}
