import ArgumentParser
import BerthClient
import BerthCore

struct ContentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "content", abstract: "Look at the blobs that images are made of.", subcommands: [List.self, Get.self, Scrub.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "List all blobs.")
    @OptionGroup var options: GlobalOptions

    func run() throws {
      let blobs = try options.client.json("GET", "/v1/content")["blobs"]?.array ?? []
      if options.output == .json { return Terminal.print(JSON.array(blobs).pretty()) }
      let rows = blobs.map { blob in
        [blob["digest"]?.string ?? "", Terminal.size(blob["size"]?.integer ?? 0), Terminal.age(of: blob["created_at"]?.string)]
      }
      Terminal.print(Terminal.table([["DIGEST", "SIZE", "AGE"]] + rows))
    }
  }

  struct Get: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "get", abstract: "Write a blob to standard output.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "sha256:…") var digest: String

    func run() throws {
      try options.client.bytes("GET", "/v1/content/\(digest)") { (piece) throws(BerthError) in Terminal.write(piece) }
    }
  }
}

extension ContentCommand {
  struct Scrub: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "scrub", abstract: "Hold every blob against its digest; remove what is damaged.")
    @OptionGroup var options: GlobalOptions

    func run() throws {
      let answer = try options.client.json("POST", "/v1/content/scrub")
      let damaged = (answer["damaged"]?.array ?? []).compactMap(\.string)
      if options.output == .json {
        Terminal.print(answer.pretty())
      } else {
        let (blobs, size) = (answer["blobs"]?.integer ?? 0, answer["size"]?.integer ?? 0)
        Terminal.print("\(blobs) blobs, \(Terminal.size(size)), \(damaged.count) damaged")
        for digest in damaged { Terminal.print("removed \(digest)") }
      }
      if !damaged.isEmpty { throw ExitCode(1) }
    }
  }
}

struct SnapshotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshot", abstract: "Look at unpacked layers and at what containers write.", subcommands: [List.self, Usage.self],
    aliases: ["snapshots"])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "List layers and containers' snapshots.")
    @OptionGroup var options: GlobalOptions

    func run() throws {
      let snapshots = try options.client.json("GET", "/v1/snapshots")["snapshots"]?.array ?? []
      if options.output == .json { return Terminal.print(JSON.array(snapshots).pretty()) }
      let rows = snapshots.map { snapshot in
        [
          snapshot["key"]?.string ?? "", String(snapshot["parent"]?.string?.prefix(19) ?? ""), snapshot["kind"]?.string ?? "",
          snapshot["size"]?.integer.map { Terminal.size($0) } ?? "-",
        ]
      }
      Terminal.print(Terminal.table([["KEY", "PARENT", "KIND", "SIZE"]] + rows))
    }
  }

  struct Usage: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "usage", abstract: "Count what snapshots occupy on disk.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "Keys as snapshot ls prints them; without any, all.") var keys: [String] = []

    func run() throws {
      let client = options.client
      let keys =
        keys.isEmpty ? (try client.json("GET", "/v1/snapshots")["snapshots"]?.array ?? []).compactMap { $0["key"]?.string } : keys
      var usages: [JSON] = []
      for key in keys { usages.append(try client.json("GET", "/v1/snapshots/\(key)/usage")) }
      if options.output == .json { return Terminal.print(JSON.array(usages).pretty()) }
      let rows = usages.map { usage in
        [usage["key"]?.string ?? "", Terminal.size(usage["size"]?.integer ?? 0), "\(usage["inodes"]?.integer ?? 0)"]
      }
      Terminal.print(Terminal.table([["KEY", "SIZE", "INODES"]] + rows))
    }
  }
}
