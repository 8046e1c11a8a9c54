import BerthCore
import BerthLinux
import Glibc

/// How a program that a test ran ended, and what it said.
public struct CommandResult: Sendable, CustomStringConvertible {
  public var arguments: [String]
  /// nil when a signal ended it.
  public var exit: Int32?
  public var signal: Int32?
  public var stdout: String
  public var stderr: String

  public var description: String {
    "\(arguments.joined(separator: " ")): \(exit.map { "exit \($0)" } ?? "signal \(signal ?? 0)")\n\(stdout)\(stderr)"
  }

  /// stdout as JSON; fails with the whole output where it is none.
  public func json() throws -> JSON {
    do { return try JSON(parsing: stdout, limits: JSONLimits(bytes: 64 << 20)) } catch { throw TestFailure("\(error) in: \(self)") }
  }
}

public enum Command {
  /// The environment that programs under test get: nothing of the caller's but what is listed here.
  public static let environment = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "SWIFT_BACKTRACE=enable=no",
  ]

  /// Runs a program to its end. One that takes longer than `deadline` is killed and the test fails.
  public static func run(
    _ path: String, _ arguments: [String] = [], environment: [String] = Command.environment, input: String? = nil,
    deadline: Duration = .seconds(60)
  ) throws -> CommandResult {
    let directory = try TemporaryDirectory("command")
    let stdin = try inputFile(input, in: directory)
    let stdout = try Files.open("\(directory.path)/stdout", O_RDWR | O_CREAT)
    let stderr = try Files.open("\(directory.path)/stderr", O_RDWR | O_CREAT)
    let program = path.contains("/") ? path : try locate(path)
    let pid = try Spawn.start(
      program, arguments: [path] + arguments, environment: environment,
      descriptors: [(0, stdin.raw), (1, stdout.raw), (2, stderr.raw)])
    let status = Children.wait(for: pid, deadline: deadline)
    var result = CommandResult(
      arguments: [Files.name(of: path)] + arguments, exit: nil, signal: nil, stdout: try text("\(directory.path)/stdout"),
      stderr: try text("\(directory.path)/stderr"))
    switch status {
    case .exited(let code): result.exit = code
    case .signaled(let number): result.signal = number
    case nil: throw TestFailure("took longer than \(deadline) and was killed: \(result)")
    }
    return result
  }

  private static func inputFile(_ input: String?, in directory: TemporaryDirectory) throws -> FD {
    guard let input else { return try Files.open("/dev/null", O_RDONLY) }
    return try Files.open(directory.write(input, to: "stdin"), O_RDONLY)
  }

  private static func text(_ path: String) throws -> String { try Files.readText(path, limit: 64 << 20) }

  /// The first program of that name on PATH.
  public static func locate(_ name: String) throws -> String {
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
    for directory in path.split(separator: ":") where access("\(directory)/\(name)", X_OK) == 0 { return "\(directory)/\(name)" }
    throw TestFailure("there is no \(name) on PATH")
  }

  public static func exists(_ name: String) -> Bool { (try? locate(name)) != nil }
}
