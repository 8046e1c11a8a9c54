import BerthLinux
import BerthTestSupport
import Glibc
import Testing

/// What containerd expects of a runtime it calls, found by what `ctr` does under it.
@Suite(.enabled(if: RuntimeBundle.canRun, "needs root, busybox and the built berth-runtime"))
struct CallerTests {
  private func call(_ container: RuntimeBundle, _ words: String) throws -> CommandResult {
    let (program, root) = (RuntimeBundle.program, container.root)
    return try Command.run("/bin/sh", ["-c", "\(program) --root \(root) \(words)"], deadline: .seconds(20))
  }

  @Test("a created container with a terminal holds none of its creator's streams: who reads them to their end comes to it")
  func creatorsStreams() throws {
    let container = try RuntimeBundle("sleep 100")
    container.spec.process?.terminal = true
    try container.write()
    let console = "\(container.directory.path)/console"
    let listener = FD(owning: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: console.utf8) }
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener.raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
    try #require(bound == 0 && listen(listener.raw, 1) == 0)
    _ = try call(container, "create -b \(container.bundle) --console-socket \(console) \(container.id) < /dev/null 2>&1 | cat")
    #expect(try container.status() == "created")
  }

  @Test("a command may write to a /dev/null that its caller had open for reading alone")
  func nullForReading() throws {
    let container = try RuntimeBundle("echo x || exit 3; echo y >&2 || exit 4; exit 5")
    try container.write()
    #expect(try call(container, "run -b \(container.bundle) \(container.id) < /dev/null >&0 2>&0").exit == 5)
  }

  @Test("a capability that there isn't is told to the log, and the container runs without it")
  func unknownCapability() throws {
    let container = try RuntimeBundle("grep -c CapBnd:.*0001$ /proc/self/status")
    container.spec.process?.capabilities = .init(only: ["CAP_CHOWN", "CAP_NOTHING"])
    try container.write()
    let log = "\(container.directory.path)/log"
    let result = try container("--log", log, "run", "-b", container.bundle, container.id)
    #expect(result.exit == 0 && result.stdout == "1\n", "\(result)")
    #expect(try Files.readText(log).contains("CAP_NOTHING"))
  }
}
