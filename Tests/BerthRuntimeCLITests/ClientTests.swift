import BerthLinux
import BerthTestSupport
import Glibc
import Testing

/// What engines do with a runtime, with Debian's as the measure: the same commands, the same results.
@Suite("under other engines", .serialized)
struct ClientTests {
  private static let scripts = "\(Files.parent(of: Files.parent(of: Files.parent(of: #filePath))))/scripts"

  private static func canRun(_ programs: String...) -> Bool {
    RuntimeBundle.canCompare && (programs + ["unshare"]).allSatisfy(Command.exists)
      && access("/sys/fs/cgroup/cgroup.controllers", F_OK) != 0
  }

  /// With this process's own PATH: install-deps unpacks some of what the tours need beside the build.
  private func transcript(_ tour: String, _ runtime: String) throws -> CommandResult {
    let path = getenv("PATH").map { "PATH=\(String(cString: $0))" }
    return try Command.run(
      "\(Self.scripts)/sandbox", ["\(Self.scripts)/\(tour)", runtime],
      environment: [path].compactMap { $0 } + Command.environment.filter { path == nil || !$0.hasPrefix("PATH=") },
      deadline: .seconds(240))
  }

  private func compare(_ tour: String, has mark: String) throws {
    let runc = try transcript(tour, try Command.locate("runc"))
    #expect(runc.exit == 0 && runc.stdout.contains(mark), "\(runc)")
    let own = try transcript(tour, RuntimeBundle.program)
    #expect(own.exit == 0)
    #expect(own.stdout == runc.stdout, "\(own.stderr)\n\(runc.stderr)")
  }

  @Test(
    "a tour of podman's commands has the same results as with runc",
    .enabled(if: canRun("podman", "conmon"), "needs root, podman, conmon, runc, cgroup v1 and the built berth-runtime"),
    .timeLimit(.minutes(10)))
  func podman() throws { try compare("podman-tour", has: "Exited (3)") }

  @Test(
    "a tour of ctr's commands has the same results as with runc",
    .enabled(
      if: canRun("podman", "containerd", "ctr", "containerd-shim-runc-v2"),
      "needs root, podman, containerd, runc, cgroup v1 and the built berth-runtime"), .timeLimit(.minutes(10)))
  func containerd() throws { try compare("containerd-tour", has: "STOPPED") }
}
