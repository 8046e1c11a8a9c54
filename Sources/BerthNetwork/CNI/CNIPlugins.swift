import BerthCore
import BerthLinux

/// Runs CNI plugins: found by name in the plugin directories, with an environment and arguments of our own making, bounded in time and
/// output. Blocks its thread. Source: CNI specification 1.1.0, section 2 "Execution Protocol".
public struct CNIPlugins: Sendable {
  enum Command: String {
    case add = "ADD"
    case delete = "DEL"
    case check = "CHECK"
    case status = "STATUS"
    case collect = "GC"
  }

  /// What plugins are told of a pod's interface by their environment.
  struct Target: Sendable {
    var containerID = ""
    var namespace = ""
    var interface = ""
    /// `KEY=VALUE;…`.
    var arguments = ""
  }

  var directories: [String]
  var timeout: Duration

  /// `timeout`: for each run of a plugin.
  public init(directories: [String], timeout: Duration = .seconds(60)) {
    self.directories = directories
    self.timeout = timeout
  }

  /// Whether there is a program of that name.
  public func has(_ type: String) -> Bool { CNINetwork.isPluginType(type) && find(type) != nil }

  /// Returns the plugin's result, null where it gave none.
  func run(_ command: Command, type: String, _ target: Target, input: JSON) throws(BerthError) -> JSON {
    let operation = "\(command.rawValue) of CNI plugin"
    guard CNINetwork.isPluginType(type) else { throw BerthError(.invalidArgument, operation, type, cause: "not a plugin's name") }
    guard let directory = find(type) else { throw absent(operation, type) }
    let result: BoundedProgram.Outcome
    do throws(Errno) { result = try program(type, directory, environment(command, target), input).run() } catch {
      throw BerthError(.unavailable, operation, type, cause: "\(error)")
    }
    return try Self.read(result, operation, type, timeout)
  }

  /// Throws if there is no such plugin.
  func require(_ type: String) throws(BerthError) {
    if !has(type) { throw absent("find CNI plugin", type) }
  }

  private func absent(_ operation: String, _ type: String) -> BerthError {
    BerthError(
      .failedPrecondition, operation, type,
      cause:
        "there is no such program in \(directories.joined(separator: ", ")); see [network] plugin_dirs (Debian: containernetworking-plugins)"
    )
  }

  /// The directory, open: what is looked up there later is looked up in it.
  private func find(_ type: String) -> FD? {
    for path in directories {
      guard let directory = try? Files.openDirectoryPath(path) else { continue }
      if Files.isExecutable(at: directory, type) { return directory }
    }
    return nil
  }

  private func program(_ type: String, _ directory: borrowing FD, _ environment: [String], _ input: JSON) -> BoundedProgram {
    var program = BoundedProgram(
      "/proc/self/fd/3/\(type)", arguments: [], environment: environment, input: input.encoded(), timeout: timeout,
      outputLimit: 1 << 20)
    program.descriptors = [(3, directory.raw)]
    return program
  }

  private func environment(_ command: Command, _ target: Target) -> [String] {
    [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "CNI_COMMAND=\(command.rawValue)",
      "CNI_CONTAINERID=\(target.containerID)", "CNI_NETNS=\(target.namespace)", "CNI_IFNAME=\(target.interface)",
      "CNI_ARGS=\(target.arguments)", "CNI_PATH=\(directories.joined(separator: ":"))",
    ]
  }

  // MARK: answers

  private static func read(_ result: BoundedProgram.Outcome, _ operation: String, _ type: String, _ timeout: Duration) throws(BerthError)
    -> JSON
  {
    switch result.end {
    case .timedOut:
      throw BerthError(.deadlineExceeded, operation, type, cause: "no end after \(DurationText.format(timeout)); it was killed")
    case .talkedTooMuch: throw BerthError(.unavailable, operation, type, cause: "it said more than can be read; it was killed")
    case .ended(.exited(0)):
      if result.output.allSatisfy({ [9, 10, 13, 32].contains($0) }) { return .null }
      do throws(JSONError) { return try JSON(parsing: result.output) } catch {
        throw BerthError(.unavailable, operation, type, cause: "its answer is no JSON (\(error)): \(excerpt(result.output))")
      }
    case .ended(let status): throw BerthError(.unavailable, operation, type, cause: complaint(result, status))
    }
  }

  /// The plugin's own words: its error object, else what it printed.
  private static func complaint(_ result: BoundedProgram.Outcome, _ status: ExitStatus) -> String {
    if let json = try? JSON(parsing: result.output), let message = json["msg"]?.string {
      let details = json["details"]?.string.flatMap { $0.isEmpty ? nil : "; \($0)" } ?? ""
      let code = json["code"]?.integer.map { " (code \($0))" } ?? ""
      return excerpt(Array("\(message)\(details)\(code)".utf8))
    }
    let words = excerpt(result.errors.isEmpty ? result.output : result.errors)
    return words.isEmpty ? "\(status), without a word" : "\(status): \(words)"
  }

  /// One line, without what a terminal would take for an order.
  static func excerpt(_ bytes: [UInt8]) -> String {
    let text = String(decoding: bytes.prefix(600), as: UTF8.self)
    let line = String(text.unicodeScalars.map { $0.value < 32 || (127...159).contains($0.value) ? " " : Character($0) })
    return line.split(separator: " ").joined(separator: " ") + (bytes.count > 600 ? " …" : "")
  }
}
