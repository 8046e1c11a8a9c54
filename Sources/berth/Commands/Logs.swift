import ArgumentParser
import BerthClient
import BerthCore
import BerthLinux

struct Logs: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "logs", abstract: "Print what a container wrote.")

  @OptionGroup var options: GlobalOptions
  @Flag(name: [.customShort("f"), .long], help: "Go on as more comes, across rotation and restarts.") var follow = false
  @Option(help: "The last N lines only.") var tail: Int?
  @Option(help: "What is younger than this (30s, 2h) only.") var since: DurationArgument?
  @Flag(help: "Of the attempt before this one.") var previous = false
  @Flag(help: "With the time of each line.") var timestamps = false
  @Flag(help: "Control characters as they are, also on a terminal.") var raw = false
  @Argument(help: "[NAMESPACE/]POD[/CONTAINER].") var target: String

  func validate() throws {
    if let tail, tail < 0 { throw ValidationError("--tail takes 0 or more") }
  }

  func run() throws {
    var reader = try LogReader(path: try path())
    reader.whenMissed = {
      Terminal.flush()
      Terminal.printError("berth: lines may be missing here: a file was rotated away before it was read (raise log.max_size or max_files)")
    }
    let printer = LogPrinter(raw: raw || !Terminal.isTerminal, json: options.output == .json, timestamps: timestamps)
    let after = since.map { Timestamp(nanoseconds: Clock.wallNanoseconds() - $0.duration.nanoseconds) }
    var last = tail.map { LastLines($0) }
    try reader.records { record in
      if let after, record.time < after { return }
      if last?.add(record) == nil { printer.write(record) }
    }
    for record in last?.records ?? [] { printer.write(record) }
    Terminal.flush()
    if follow {
      try reader.follow { record in
        printer.write(record)
        Terminal.flush()
      }
    }
  }

  private func path() throws(BerthError) -> String {
    let named = try ContainerTarget(target, options)
    let status = try options.client.json("GET", named.path)
    let containers = (status["containers"]?.array ?? []) + (status["init_containers"]?.array ?? [])
    let names = containers.compactMap { $0["name"]?.string }
    let wanted = named.container ?? names.first ?? ""
    guard let container = containers.first(where: { $0["name"]?.string == wanted }) else {
      let known =
        names.isEmpty ? "the pod has none yet; see berth status \(target)" : "the pod's containers are \(names.joined(separator: ", "))"
      throw BerthError(.notFound, "find container", target, cause: known)
    }
    guard let path = container["log_path"]?.string, let attempt = container["restart_count"]?.integer else {
      throw BerthError(.failedPrecondition, "read log", target, cause: "the container has not been started yet")
    }
    guard previous else { return path }
    guard attempt > 0 else { throw BerthError(.notFound, "read log", target, cause: "there was no attempt before this one") }
    return path.dropLast("\(attempt).log".utf8.count) + "\(attempt - 1).log"
  }
}

struct LogPrinter {
  var raw: Bool
  var json: Bool
  var timestamps: Bool

  func write(_ record: LogRecord) {
    if json {
      let value: JSON = [
        "time": .string(record.time.description), "stream": .string(record.stream), "partial": .bool(!record.endsLine),
        "text": .string(String(decoding: record.text, as: UTF8.self)),
      ]
      return emit(value.encoded() + [10])
    }
    // A terminal's lines end in two characters.
    let text = record.endsLine && record.text.last == 13 ? record.text.dropLast() : record.text[...]
    if timestamps { emit(Array("\(record.time) ".utf8)) }
    emit((raw ? Array(text) : Array(Terminal.clean(String(decoding: text, as: UTF8.self)).utf8)) + (record.endsLine ? [10] : []))
  }

  private func emit(_ bytes: [UInt8]) { Terminal.write(bytes) }
}
