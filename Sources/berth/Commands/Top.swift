import ArgumentParser
import BerthCore
import BerthLinux

struct Top: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "top", abstract: "Show what containers use.",
    discussion: "CPU is that of the time between two looks; PRESSURE how much of the last ten seconds somebody waited for it (cgroup v2).")

  @OptionGroup var options: GlobalOptions
  @Flag(name: [.customShort("A"), .long], help: "Pods of every namespace.") var allNamespaces = false
  @Option(help: "Between the two looks.") var interval: DurationArgument?
  @Argument(help: "[NAMESPACE/]POD.") var pod: String?

  func validate() throws {
    if let interval, interval.duration <= .zero { throw ValidationError("--interval must be longer than 0s") }
  }

  func run() throws {
    let first = try look()
    let begin = Clock.bootNanoseconds()
    if options.output == .json { return Terminal.print(JSON.array(first).pretty()) }
    Clock.pause(interval?.duration ?? .seconds(1))
    let second = try look()
    let passed = max(1, Clock.bootNanoseconds() - begin)
    var rows = [["NAMESPACE", "POD", "CONTAINER", "CPU", "MEMORY", "LIMIT", "PIDS", "READ", "WRITTEN", "PRESSURE cpu/memory/io"]]
    for usage in second {
      let before = first.first { Self.identity($0) == Self.identity(usage) }
      rows.append(Self.row(usage, before: before, nanoseconds: passed))
    }
    Terminal.print(Terminal.table(rows))
  }

  private func look() throws(BerthError) -> [JSON] {
    var query: [(String, String)] = []
    if let pod {
      let key = try options.key(pod)
      query = [("namespace", key.namespace), ("pod", key.name)]
    } else if !allNamespaces {
      query = [("namespace", options.namespace)]
    }
    return try options.client.json("GET", "/v1/usage", query: query)["containers"]?.array ?? []
  }

  private static func identity(_ usage: JSON) -> [String?] { ["namespace", "pod", "name"].map { usage[$0]?.string } }

  private static func row(_ usage: JSON, before: JSON?, nanoseconds: Int64) -> [String] {
    func size(_ key: String) -> String { usage[key]?.integer.map(Terminal.size) ?? "-" }
    let used = before?["cpu_ns"]?.integer.map { max(0, (usage["cpu_ns"]?.integer ?? 0) - $0) }
    // Tenths of a percent of one CPU.
    let share = used.map { Int64(Double($0) * 1000 / Double(nanoseconds)) }
    let pressure = ["cpu", "memory", "io"].map { usage["pressure"]?[$0]?.string ?? "-" }
    return [
      usage["namespace"]?.string ?? "", usage["pod"]?.string ?? "", usage["name"]?.string ?? "",
      share.map { "\($0 / 10).\($0 % 10)%" } ?? "-", size("memory_bytes"), size("memory_limit_bytes"),
      "\(usage["pids"]?.integer ?? 0)", size("io_read_bytes"), size("io_written_bytes"), pressure.joined(separator: " / "),
    ]
  }
}
