import BerthLinux
import BerthTestSupport
import Glibc
import Testing

@Suite("under podman")
struct PodmanTests {
  private static let package = Files.parent(of: Files.parent(of: Files.parent(of: #filePath)))
  static var canRun: Bool {
    RuntimeBundle.canCompare && ["podman", "conmon", "unshare"].allSatisfy(Command.exists)
      && access("/sys/fs/cgroup/cgroup.controllers", F_OK) != 0
  }

  @Test(
    "a tour of podman's commands has the same results as with runc",
    .enabled(if: canRun, "needs root, podman, conmon, runc, cgroup v1 and the built berth-runtime"), .timeLimit(.minutes(5)))
  func tour() throws {
    func transcript(_ runtime: String) throws -> CommandResult {
      try Command.run(
        "\(Self.package)/scripts/sandbox", ["\(Self.package)/scripts/podman-tour", runtime], deadline: .seconds(120))
    }
    let own = try transcript(RuntimeBundle.program)
    let runc = try transcript(try Command.locate("runc"))
    #expect(runc.exit == 0 && runc.stdout.contains("Exited (3)"), "\(runc)")
    #expect(own.exit == 0)
    #expect(own.stdout == runc.stdout, "\(own.stderr)\n\(runc.stderr)")
  }
}
