import BerthCore
import BerthLinux
import BerthTestSupport
import Testing

/// Black box: the built programs, a real kernel, real images. One test after the other, since each holds the machine to a census.
@Suite(
  "Berth from end to end", .serialized, .enabled(if: Binaries.isRoot, "containers need root"),
  .enabled(if: Binaries.areBuilt, "berth, berthd, berth-shim and berth-worker are not built in \(Binaries.directory)"))
enum Integration {}

/// Gives `body` a daemon of its own, then takes everything down and holds the machine to the census from before.
func withDaemon(config: String? = nil, _ body: (DaemonUnderTest) throws -> Void) throws {
  let before = try LeakCensus.take()
  let daemon = try config.map { try DaemonUnderTest(config: $0) } ?? DaemonUnderTest()
  try body(daemon)
  try daemon.tearDown()
  let leaks = try LeakCensus.leaks(since: before)
  #expect(leaks.isEmpty, "left behind: \(leaks)")
}

/// Whether the process of that identity is there; a zombie isn't.
func isAlive(_ pid: Int64?) -> Bool {
  guard let pid, let stat = try? Files.readText("/proc/\(pid)/stat"), let close = stat.lastIndex(of: ")") else { return false }
  return stat[stat.index(after: close)...].split(separator: " ").first != "Z"
}
