import BerthCore
import BerthLinux
import BerthRuntime

/// `state`: runc's document.
enum StateCommand {
  static func perform(_ words: [String], _ call: Invocation) throws(BerthError) -> Int32 {
    let id = try call.id(try Words(words, Grammar(), command: "state"), "state")
    return RuntimeProgram.say(JSON.object(document(try call.store.container(id))).pretty() + "\n")
  }

  /// `owner`: whose the state directory is. runc's `state` leaves it empty, its `list` says it; only root makes containers.
  static func document(_ container: Container, owner: String = "") -> JSONObject {
    let status = container.status
    var document: JSONObject = [
      "ociVersion": .string(container.record.ociVersion), "id": .string(container.id),
      "pid": .integer(status == .stopped ? 0 : Int64(container.record.process.pid)), "status": .string(status.rawValue),
      "bundle": .string(container.record.bundle), "rootfs": .string(container.record.rootfs),
      "created": .string(container.record.created.description),
    ]
    if !container.record.annotations.isEmpty { document["annotations"] = .strings(container.record.annotations) }
    document["owner"] = .string(owner)
    return document
  }
}

/// `list`.
enum ListCommand {
  static func perform(_ words: [String], _ call: Invocation) throws(BerthError) -> Int32 {
    let words = try Words(words, Grammar(flags: ["quiet q"], values: ["format f"]), command: "list")
    guard words.rest.isEmpty else { throw Words.misuse("list", words.rest[0], "takes no argument") }
    let containers = try call.store.containers()
    if words.has("quiet") { return RuntimeProgram.say(containers.map { "\($0.id)\n" }.joined()) }
    switch words.value("format") ?? "table" {
    case "json":
      return RuntimeProgram.say(
        String(decoding: JSON.array(containers.map { .object(StateCommand.document($0, owner: "root")) }).encoded(), as: UTF8.self) + "\n")
    case "table": return RuntimeProgram.say(table(containers))
    case let other: throw BerthError(.invalidArgument, "list", "--format", cause: "\"\(other)\" is neither table nor json")
    }
  }

  private static func table(_ containers: [Container]) -> String {
    var rows = [["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]]
    for container in containers {
      let status = container.status
      rows.append([
        container.id, status == .stopped ? "0" : String(container.record.process.pid), status.rawValue, container.record.bundle,
        container.record.created.description, "root",
      ])
    }
    // As wide as runc's: three blanks between columns, and nothing behind the last.
    let widths = (0..<5).map { column in max(12, (rows.map { $0[column].utf8.count }.max() ?? 0) + 3) }
    return rows.map { row in
      zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.utf8.count) }.joined() + row[5] + "\n"
    }.joined()
  }
}

/// `ps`: the processes in a container's cgroup.
enum ProcessesCommand {
  static func perform(_ words: [String], _ call: Invocation) throws(BerthError) -> Int32 {
    let words = try Words(words, Grammar(values: ["format f"], mixes: false), command: "ps")
    let container = try call.store.container(try call.id(words, "ps", arguments: 1...Int.max))
    let pids = try container.cgroup?.processes() ?? []
    switch words.value("format") ?? "table" {
    case "json":
      return RuntimeProgram.say(String(decoding: JSON.array(pids.map { .integer(Int64($0)) }).encoded(), as: UTF8.self) + "\n")
    case "table": return try table(pids, Array(words.rest.dropFirst()))
    case let other: throw BerthError(.invalidArgument, "ps", "--format", cause: "\"\(other)\" is neither table nor json")
    }
  }

  /// What ps(1) says, without the lines of others.
  private static func table(_ pids: [Int32], _ arguments: [String]) throws(BerthError) -> Int32 {
    let text: String
    do throws(Errno) {
      let ends = try ChildChannel.pipe()
      let program = Files.exists("/usr/bin/ps") ? "/usr/bin/ps" : "/bin/ps"
      let child = try Spawn.start(
        program, arguments: ["ps"] + (arguments.isEmpty ? ["-ef"] : arguments), environment: ["PATH=/usr/bin:/bin", "LC_ALL=C"],
        descriptors: [(1, ends.child.raw)])
      let output = ends.keepOurs()
      text = String(decoding: try output.readAll(limit: 16 << 20), as: UTF8.self)
      _ = try? Children.wait(for: child)
    } catch { throw BerthError(.failedPrecondition, "ps", "ps(1)", cause: error.description) }
    let lines = text.split(separator: "\n")
    guard let header = lines.first, let column = header.split(separator: " ").firstIndex(of: "PID") else {
      throw BerthError(.invalidArgument, "ps", cause: "ps(1) printed no column PID")
    }
    let wanted = Set(pids)
    let own = lines.dropFirst().filter { line in
      let fields = line.split(separator: " ")
      return column < fields.count && Int32(fields[column]).map(wanted.contains) == true
    }
    return RuntimeProgram.say(([header] + own).joined(separator: "\n") + "\n")
  }
}
