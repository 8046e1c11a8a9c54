import BerthLinux
import BerthTestSupport
import Glibc
import Testing

@Suite("what a container can reach of the runtime", .enabled(if: RuntimeBundle.canRun, "needs root, busybox and the built berth-runtime"))
struct ExposureTests {
  /// Of the file system that a process's program is reached through.
  private func isReadOnly(_ path: String) -> Bool {
    var status = statvfs()
    return statvfs(path, &status) == 0 && status.f_flag & UInt(ST_RDONLY) != 0
  }

  @Test("the runtime's program can't be written to through /proc/PID/exe")
  func program() throws {
    let container = try RuntimeBundle("sleep 100")
    try container.create()
    let pid = try Files.readText("\(container.directory.path)/pid")
    #expect(!isReadOnly(RuntimeBundle.program), "the program lies on a read-only file system: this test says nothing")
    #expect(isReadOnly("/proc/\(pid)/exe"))
  }

  @Test("a command that leads to the runtime's own program runs it from where nobody writes")
  func commandIsProgram() throws {
    let container = try RuntimeBundle("")
    symlink("/proc/self/exe", "\(container.bundle)/rootfs/bin/evil")
    container.spec.process?.args = ["/bin/evil"]
    container.spec.process?.capabilities?.effective.append("CAP_DAC_OVERRIDE")
    let before = try Files.status(RuntimeBundle.program)
    let result = try container.run()
    #expect(result.stdout.contains("usage: berth-runtime"), "\(result)")
    #expect(try Files.status(RuntimeBundle.program) == before)
  }

  @Test("a waiting container's process can't be traced and its folder is root's alone")
  func process() throws {
    let container = try RuntimeBundle("sleep 100")
    try container.create()
    let pid = try Files.readText("\(container.directory.path)/pid")
    // What isn't dumpable belongs to root, and only who may trace anything reads it.
    #expect(try Files.readText("/proc/\(pid)/status").contains("CapEff"))
    #expect(try Files.status(container.root).permissions == 0o700)
    #expect(try Files.status("\(container.root)/\(container.id)").permissions == 0o700)
  }

  @Test("no descriptor of the runtime's is open in the command")
  func descriptors() throws {
    let container = try RuntimeBundle("ls /proc/self/fd; true")
    // ls's own directory is 3.
    #expect(try container.run().stdout == "0\n1\n2\n3\n")
    try container.create()
    try container.must("start", container.id)
    container.spec.process?.args = ["sh", "-c", "sleep 100"]
    try container.must("delete", "--force", container.id)
    try container.create()
    try container.must("start", container.id)
    #expect(try container.must("exec", container.id, "ls", "/proc/self/fd").stdout == "0\n1\n2\n3\n")
  }
}
