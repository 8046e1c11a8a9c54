import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime

/// `create` and `run`.
enum CreateCommand {
  enum Mode { case create, run }

  private static let grammar = Grammar(
    flags: ["no-pivot", "no-new-keyring", "detach d", "keep", "no-subreaper"],
    values: ["bundle b", "console-socket", "pid-file", "preserve-fds"])

  static func perform(_ words: [String], _ call: Invocation, _ mode: Mode) throws(BerthError) -> Int32 {
    let name = mode == .create ? "create" : "run"
    let words = try Words(words, grammar, command: name)
    guard !words.has("no-pivot") else {
      throw BerthError(.unsupported, name, "--no-pivot", cause: "a container always gets a root of its own")
    }
    let options = CreateOptions(
      id: try call.id(words, name), bundle: words.value("bundle") ?? ".", pidFile: words.value("pid-file"),
      streams: StreamOptions(
        consoleSocket: words.value("console-socket"), preserved: try Streams.preserved(words),
        detaches: mode == .create || words.has("detach")),
      newKeyring: !words.has("no-new-keyring"), waitsForStart: mode == .create)
    let bundle = try Bundle(options.bundle)
    if !options.streams.detaches { ForegroundProcess.blockSignals() }
    let folder = try call.store.make(options.id)
    var creation = ContainerCreation(options, bundle, folder, call)
    try creation.create()
    guard !options.streams.detaches else { return 0 }
    let code = try creation.waitInForeground()
    if !words.has("keep") { try Removal.remove(try call.store.container(options.id), log: call.log) }
    return code
  }
}

struct CreateOptions {
  var id: String
  var bundle: String
  var pidFile: String?
  var streams: StreamOptions
  var newKeyring: Bool
  var waitsForStart: Bool
}

/// What becomes of a process's standard streams.
struct StreamOptions {
  var consoleSocket: String?
  /// Descriptors from 3 on that are passed on.
  var preserved: Int32
  /// Whether this program ends while the process runs.
  var detaches: Bool

  /// Where the other side of the process's terminal goes; for a terminal in the foreground, `ours` gets it.
  func console(terminal: Bool, ours: inout FD?) throws(BerthError) -> Int32? {
    guard terminal else {
      if consoleSocket == nil { return nil }
      throw BerthError(.invalidArgument, "set up terminal", "--console-socket", cause: "the process has no terminal")
    }
    guard consoleSocket != nil || !detaches else {
      throw BerthError(.invalidArgument, "set up terminal", cause: "a detached process's terminal needs --console-socket")
    }
    let path = try consoleSocket.map { (path) throws(BerthError) in try RuntimeProgram.absolute(path) }
    do throws(Errno) {
      if let path { return try StreamSocket.connect(path).release() }
      let (first, second) = try DescriptorSocket.Pair().release()
      ours = FD(owning: first)
      return second
    } catch { throw BerthError(.failedPrecondition, "set up terminal", path ?? "", cause: error.description) }
  }
}
