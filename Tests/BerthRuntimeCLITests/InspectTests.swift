import BerthCore
import BerthLinux
import BerthOCI
import BerthTestSupport
import Glibc
import Testing

@Suite("looking at containers", .enabled(if: RuntimeBundle.canRun, "needs root, busybox and the built berth-runtime"))
struct InspectTests {
  private static let schemas = "../shared/runtime-spec-schema"
  private static var canValidate: Bool {
    Files.exists(schemas) && ((try? Command.run("python3", ["-c", "import jsonschema"]))?.exit == 0)
  }

  private func validate(_ text: String, _ schema: String) throws -> CommandResult {
    let script = """
      import sys, json, os, jsonschema
      path = os.path.abspath(sys.argv[1])
      resolver = jsonschema.RefResolver("file://" + path, json.load(open(path)))
      jsonschema.Draft4Validator(resolver.referrer, resolver=resolver).validate(json.load(sys.stdin))
      """
    return try Command.run("python3", ["-W", "ignore", "-c", script, "\(Self.schemas)/\(schema)"], input: text)
  }

  @Test(
    "features and state satisfy the specification's schemas", .enabled(if: canValidate, "needs Python's jsonschema and the schemas"))
  func schemas() throws {
    let container = try RuntimeBundle("sleep 100")
    container.spec.annotations = ["k": "v"]
    let features = try container.must("features").stdout
    #expect(try validate(features, "features-schema.json").exit == 0)
    #expect(try validate("{\"ociVersionMin\": 1}", "features-schema.json").exit == 1)
    try container.create()
    let state = try container.must("state", container.id).stdout
    let valid = try validate(state, "state-schema.json")
    #expect(valid.exit == 0, "\(valid)")
  }

  @Test("events tells use every so often, a lack of memory when it comes, and ends with the container")
  func events() throws {
    let container = try RuntimeBundle("sleep 0.3; busybox tail /dev/zero; sleep 0.3")
    var resources = RuntimeSpec.Resources()
    resources.memory.limit = 8 << 20
    resources.memory.swap = 8 << 20
    resources.pids = 20
    container.spec.linux?.resources = resources
    try container.create()
    let log = "\(container.directory.path)/events"
    let output = try Files.open(log, O_RDWR | O_CREAT)
    let null = try Files.openNull()
    let reader = try Spawn.start(
      RuntimeBundle.program,
      arguments: ["berth-runtime", "--root", container.root, "events", "--interval", "20ms", container.id],
      descriptors: [(0, null.raw), (1, output.raw), (2, output.raw)])
    defer {
      Children.kill(reader)
      _ = try? Children.wait(for: reader)
    }
    try eventually("the first figures") { try Files.readText(log).contains("stats") }
    try container.must("start", container.id)
    // It ends by itself.
    #expect(Children.wait(for: reader, deadline: .seconds(30)) == .exited(0))
    let events = try Files.readText(log).split(separator: "\n").map { try JSON(parsing: Array($0.utf8)) }
    #expect(events.contains { $0["type"]?.string == "oom" && $0["id"]?.string == container.id })
    let stats = try #require(events.first { $0["type"]?.string == "stats" })["data"]
    #expect(stats?["pids"]?["limit"]?.integer == 20 && stats?["memory"]?["usage"]?["limit"]?.integer == 8 << 20)
    #expect(stats?["memory"]?["raw"]?.object?.isEmpty == false)
    #expect(try container("events", "--stats", container.id).exit == 1)
  }

  @Test("events asks for a duration, and a container that is there")
  func eventsRefused() throws {
    let container = try RuntimeBundle("sleep 100")
    #expect(try container("events", "--stats", "nothing").stderr.contains("does not exist"))
    try container.create()
    for interval in ["0", "-1s", "x"] { #expect(try container("events", "--interval", interval, container.id).exit == 1) }
  }

  @Test("events --stats has runc's members", .enabled(if: RuntimeBundle.canCompare, "needs runc"))
  func stats() throws {
    let container = try RuntimeBundle("sleep 100")
    try container.create()
    let own = try container.must("events", "--stats", container.id).json()
    try container.must("delete", "--force", container.id)
    let root = "\(container.root)-runc"
    let made = try Command.run("runc", ["--root", root, "create", "-b", container.bundle, container.id])
    #expect(made.exit == 0, "\(made)")
    defer { _ = try? Command.run("runc", ["--root", root, "delete", "--force", container.id]) }
    let runc = try Command.run("runc", ["--root", root, "events", "--stats", container.id]).json()
    let keys = { (json: JSON?) in Set(json?.object?.keys ?? []) }
    #expect(keys(own) == keys(runc))
    for path in [["memory", "usage"], ["memory", "swap"], ["pids"], ["memory", "raw"]] {
      let value = { (json: JSON) in path.reduce(json["data"]) { $0?[$1] } }
      #expect(keys(value(own)).isSuperset(of: keys(value(runc)).subtracting(["max", "failcnt"])), "\(path)")
    }
  }

  @Test("list and ps print tables and JSON, as runc's", .enabled(if: RuntimeBundle.canCompare && Command.exists("ps"), "needs runc and ps"))
  func lists() throws {
    let container = try RuntimeBundle("sleep 100")
    #expect(try container("list", "-q").stdout.isEmpty)
    try container.create()
    let root = "\(container.root)-runc"
    let table = try container.must("list").stdout.split(separator: "\n")
    #expect(table.count == 2 && table.last?.hasPrefix(container.id) == true && table.last?.contains(" created ") == true, "\(table)")
    let list = try container.must("list", "--format", "json").json()
    #expect(list.array?.first?["id"]?.string == container.id && list.array?.first?["status"]?.string == "created")
    #expect(try container.must("list", "-q").stdout == "\(container.id)\n")
    let pids = try container.must("ps", "--format", "json", container.id).json()
    #expect(pids == .array([try #require(container.must("state", container.id).json()["pid"])]))
    let processes = try container.must("ps", container.id, "-o", "pid,comm").stdout.split(separator: "\n")
    #expect(processes.count == 2 && processes[0].contains("PID"))
    for command in ["list", "ps"] {
      #expect(try container([command, "--format", "yaml"] + (command == "ps" ? [container.id] : [])).exit == 1)
    }
    try container.must("delete", "--force", container.id)
    _ = try Command.run("runc", ["--root", root, "create", "-b", container.bundle, container.id])
    defer { _ = try? Command.run("runc", ["--root", root, "delete", "--force", container.id]) }
    let runc = try Command.run("runc", ["--root", root, "list"]).stdout.split(separator: "\n")
    let words = { (line: Substring?) in line.map { $0.split(separator: " ").map(String.init) } ?? [] }
    #expect(words(runc.first) == words(table.first))
    #expect(words(runc.last).count == words(table.last).count && words(runc.last)[2] == "created")
    // Scripts cut by columns, too.
    let columns = { (line: Substring?) in line.map(String.init).map { $0[..<($0.firstRange(of: "CREATED")?.lowerBound ?? $0.endIndex)] } }
    #expect(columns(runc.first) == columns(table.first) && table.first?.hasSuffix("OWNER") == true, "\(table)")
    let owner = try Command.run("runc", ["--root", root, "list", "-f", "json"]).json().array?.first?["owner"]
    #expect(owner != nil && owner == list.array?.first?["owner"])
  }
}
