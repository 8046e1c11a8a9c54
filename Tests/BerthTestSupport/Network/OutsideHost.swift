import BerthCore
import BerthLinux
import Glibc

/// Another host: a network namespace that is joined to this one by a cable (veth), 192.168.99.1 here and 192.168.99.2 there, with IPv6
/// fd99::1 and fd99::2. It has no route to pods.
public final class OutsideHost {
  private let keeper: pid_t
  private var servers: [pid_t] = []
  /// This host's end of the cable.
  public let link: String
  public static let node = "192.168.99.1"
  public static let nodeIPv6 = "fd99::1"
  public static let address = "192.168.99.2"
  public static let addressIPv6 = "fd99::2"

  public init() throws {
    link = "outside-\(getpid() % 1000)"
    keeper = try Self.spawn(["unshare", "--net", "sleep", "100000"])
    let own = try Files.readLink("/proc/self/ns/net")
    let pid = keeper
    try eventually("the other host's namespace") { (try? Files.readLink("/proc/\(pid)/ns/net")).map { $0 != own } ?? false }
    try succeed(try Command.run("ip", ["link", "add", link, "type", "veth", "peer", "name", "cable", "netns", "\(keeper)"]))
    let here = "ip addr add \(Self.node)/24 dev \(link) && ip addr add \(Self.nodeIPv6)/64 dev \(link) nodad && ip link set \(link) up"
    try succeed(try Command.run("sh", ["-c", here]))
    try run(
      "ip link set lo up && ip addr add \(Self.address)/24 dev cable && ip addr add \(Self.addressIPv6)/64 dev cable nodad && ip link set cable up"
    )
  }

  deinit {
    for pid in servers + [keeper] {
      kill(-pid, SIGKILL)
      Children.wait(for: pid, deadline: .seconds(20))
    }
    // Its end of the cable takes this one along, a moment later.
    _ = try? Command.run("ip", ["link", "delete", link])
  }

  private static func spawn(_ arguments: [String]) throws -> pid_t {
    let null = try Files.open("/dev/null", O_RDWR)
    return try Spawn.start(
      try Command.locate(arguments[0]), arguments: arguments, environment: Command.environment,
      descriptors: [(0, null.raw), (1, null.raw), (2, null.raw)], newSession: true)
  }

  /// How a shell's line ends there.
  public func result(_ line: String, deadline: Duration = .seconds(120)) throws -> CommandResult {
    try Command.run("nsenter", ["--net=/proc/\(keeper)/ns/net", "sh", "-c", line], deadline: deadline)
  }

  /// As `result`; returns what it printed, and fails where it fails.
  @discardableResult
  public func run(_ line: String) throws -> String { try succeed(try result(line)) }

  public func exitCode(_ line: String) throws -> Int32? { try result(line).exit }

  /// Starts a program there that goes with this value.
  public func serve(_ line: String) throws {
    servers.append(try Self.spawn(["nsenter", "--net=/proc/\(keeper)/ns/net", "sh", "-c", "exec \(line)"]))
  }

  @discardableResult
  private func succeed(_ result: CommandResult) throws -> String {
    guard result.exit == 0 else { throw TestFailure("\(result)") }
    return result.stdout
  }
}
