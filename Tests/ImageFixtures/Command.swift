import BerthLinux
import Glibc

/// Other programs, run to their end.
public enum Command {
  public struct Outcome: Sendable {
    public var exit: ExitStatus
    /// Standard output and error together.
    public var output: String
    public var succeeded: Bool { exit == .exited(0) }
  }

  private static let environment = ["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME=/root", "TMPDIR=/tmp"]

  /// Whether the program is installed.
  public static func exists(_ program: String) -> Bool { Files.exists(program) }

  /// The program's path, by this process's own search path.
  public static func find(_ program: String) -> String? {
    (getenv("PATH").map { String(cString: $0) } ?? "").split(separator: ":").map { "\($0)/\(program)" }.first(where: Files.exists)
  }

  public static func run(_ arguments: String...) throws(Errno) -> Outcome { try run(arguments) }

  public static func run(_ arguments: [String]) throws(Errno) -> Outcome {
    let pipe = try ChildChannel.pipe()
    let null = try Files.open("/dev/null", O_RDONLY)
    let pid = try Spawn.start(
      arguments[0], arguments: arguments, environment: environment, descriptors: [(0, null.raw), (1, pipe.child.raw), (2, pipe.child.raw)])
    let ours = pipe.keepOurs()
    let output = try ours.readAll(limit: 64 << 20)
    return Outcome(exit: try Children.wait(for: pid), output: String(decoding: output, as: UTF8.self))
  }

  /// Starts a program that goes on, its output to a file.
  public static func start(_ arguments: [String], output: String) throws(Errno) -> pid_t {
    let null = try Files.open("/dev/null", O_RDONLY)
    let file = try Files.open(output, O_WRONLY | O_CREAT | O_APPEND, mode: 0o644)
    return try Spawn.start(
      arguments[0], arguments: arguments, environment: environment, descriptors: [(0, null.raw), (1, file.raw), (2, file.raw)])
  }
}
