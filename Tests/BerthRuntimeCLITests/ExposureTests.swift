import BerthLinux
import BerthOCI
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

  @Test("a container's folder is root's alone")
  func folder() throws {
    let container = try RuntimeBundle("sleep 100")
    try container.create()
    #expect(try Files.status(container.root).permissions == 0o700)
    #expect(try Files.status("\(container.root)/\(container.id)").permissions == 0o700)
  }

  /// Holds a process at its execve, by a filter that asks for it, and looks at it there and behind it as somebody who is root without any
  /// capability: 0 where that is shown what the process's program is.
  private static let spy = """
    import fcntl, struct, subprocess, time
    connection, _ = server.accept(); connection.settimeout(30)
    _, descriptors, _, _ = socket.recv_fds(connection, 65536, 4)
    question = bytearray(80); fcntl.ioctl(descriptors[0], 0xc0502100, question)
    number, pid = struct.unpack_from("QI", question)
    def look():
      command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "readlink", f"/proc/{pid}/exe"]
      return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    held = look()
    fcntl.ioctl(descriptors[0], 0xc0182101, bytearray(struct.pack("QqiI", number, 0, 0, 1)))
    deadline = time.monotonic() + 30
    while look() and time.monotonic() < deadline: time.sleep(0.05)
    print(held, look(), flush=True)
    """

  @Test(
    "a process can't be looked at before its command runs, not even by its like",
    .enabled(if: Command.exists("python3") && Command.exists("setpriv"), "needs python3 and setpriv"))
  func heldAtExec() throws {
    let container = try RuntimeBundle("exec sleep 100")
    var seccomp = LinuxSeccomp(defaultAction: "SCMP_ACT_ALLOW")
    seccomp.syscalls = [.init(["execve", "execveat"], action: "SCMP_ACT_NOTIFY")]
    seccomp.listenerPath = "\(container.directory.path)/listener"
    container.spec.linux?.seccomp = seccomp
    container.spec.process?.args = ["sleep", "100"]
    container.spec.process?.capabilities = RuntimeSpec.Capabilities()
    container.spec.process?.noNewPrivileges = true
    try container.write()
    let (_, seen) = try container.asked(Self.spy, times: 1) { try container.must("run", "-d", "-b", container.bundle, container.id) }
    #expect(seen == ["1 0"])
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
