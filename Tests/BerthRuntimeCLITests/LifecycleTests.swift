import BerthCore
import BerthLinux
import BerthOCI
import BerthTestSupport
import Glibc
import Testing

@testable import BerthRuntimeCLI

@Suite("a container's life", .enabled(if: RuntimeBundle.canRun, "needs root, busybox and the built berth-runtime"))
struct LifecycleTests {
  private let sleeper = "trap 'exit 5' TERM; while :; do sleep 0.02; done"

  @Test("run gives the command's exit code and leaves nothing")
  func run() throws {
    let container = try RuntimeBundle("echo hello; cat; exit 7")
    try container.write()
    let result = try container(["run", "-b", container.bundle, container.id], input: "from stdin\n")
    #expect(result.stdout == "hello\nfrom stdin\n")
    #expect(result.exit == 7)
    #expect(container.isGone)
  }

  @Test("create waits for start, and every state refuses what isn't its own")
  func states() throws {
    let container = try RuntimeBundle("touch /tmp/started; \(sleeper)")
    try container.create()
    let marker = "\(container.bundle)/rootfs/tmp/started"
    #expect(try container.status() == "created")
    #expect(!Files.exists(marker))
    #expect(try container("create", "-b", container.bundle, container.id).stderr.contains("already exists"))
    #expect(try container("resume", container.id).exit == 1)
    try container.must("start", container.id)
    #expect(try container.status() == "running")
    try eventually("the command runs") { Files.exists(marker) }
    #expect(try container("start", container.id).exit == 1)
    #expect(try container("delete", container.id).exit == 1)
    try container.must("pause", container.id)
    #expect(try container.status() == "paused")
    #expect(try container("exec", container.id, "true").exit == 255)
    #expect(try container("pause", container.id).exit == 1)
    try container.must("resume", container.id)
    try container.must("kill", container.id)
    try container.eventuallyStopped()
    let late = try container("kill", container.id, "KILL")
    #expect(late.exit == 1 && late.stderr.contains("container not running"))
    #expect(try container("exec", container.id, "true").exit == 255)
    try container.must("delete", container.id)
    #expect(container.isGone)
    #expect(try container("state", container.id).stderr.contains("container does not exist"))
  }

  @Test("state has runc's members, and the pid file the same pid")
  func state() throws {
    let container = try RuntimeBundle(sleeper)
    container.spec.annotations = ["org.example.key": "value"]
    try container.create()
    let state = try container.must("state", container.id).json()
    #expect(
      state.object?.keys
        == ["ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "annotations", "owner"])
    let pid = try Files.readText("\(container.directory.path)/pid")
    #expect(state["pid"]?.integer.map { String($0) } == pid)
    #expect(try container.must("list", "-q").stdout == "\(container.id)\n")
    #expect(try container.must("list", "-f", "json").json().array?.first?["id"]?.string == container.id)
    #expect(try container.must("ps", "-f", "json", container.id).json().array?.first?.integer.map { String($0) } == pid)
    #expect(try container.must("events", "--stats", container.id).json()["data"]?["pids"]?["current"]?.integer == 1)
  }

  @Test("delete ends a created container, and with force a running and an unknown one")
  func deletion() throws {
    let container = try RuntimeBundle(sleeper)
    try container.create()
    try container.must("delete", container.id)
    #expect(container.isGone)
    try container.create()
    try container.must("start", container.id)
    try container.must("delete", "--force", container.id)
    #expect(container.isGone)
    try container.must("delete", "--force", container.id)
    #expect(try container("delete", container.id).exit == 1)
  }

  @Test("a command that isn't there is told at create and at run, in the words that engines look for")
  func missing() throws {
    let container = try RuntimeBundle("")
    container.spec.process?.args = ["nothing-there"]
    try container.write()
    for command in ["create", "run"] {
      let result = try container(command, "-b", container.bundle, container.id)
      #expect(result.exit == 1)
      #expect(result.stderr.contains("executable file not found in $PATH"), "\(result)")
      #expect(container.isGone)
    }
  }

  @Test("exec joins the container: its processes, its cgroup, its user, its exit code")
  func exec() throws {
    let container = try RuntimeBundle(sleeper)
    try container.create()
    try container.must("start", container.id)
    let result = try container(
      "exec", "--user", "1000:1001", "--env", "A=1", "--cwd", "/tmp", container.id, "sh", "-c",
      "id -u; id -g; echo $A $PWD; ps | grep -c trap; cat /proc/self/cgroup | grep -v name= | grep -c ':/$'; exit 9")
    let lines = result.stdout.split(separator: "\n").map(String.init)
    #expect(result.exit == 9)
    #expect(lines.prefix(3) == ["1000", "1001", "1 /tmp"], "\(result)")
    #expect(lines.count == 5 && lines[3] != "0" && lines[4] != "0")
    let missing = try container("exec", container.id, "nothing-there")
    #expect(missing.exit == 255 && missing.stderr.contains("executable file not found in $PATH"))
    let process: JSON = ["args": ["sh", "-c", "echo $B"], "cwd": "/", "env": ["PATH=/bin", "B=2"], "user": ["uid": 0, "gid": 0]]
    let file = try container.directory.write(String(decoding: process.encoded(), as: UTF8.self), to: "process.json")
    #expect(try container.must("exec", "--process", file, container.id).stdout == "2\n")
  }

  @Test("update changes limits in place")
  func update() throws {
    let container = try RuntimeBundle(sleeper)
    try container.create()
    try container.must("update", "--pids-limit", "33", container.id)
    #expect(try container(["update", "--resources", "-", container.id], input: "{\"memory\": {\"limit\": 67108864}}").exit == 0)
    try container.must("start", container.id)
    let text = try container.must(
      "exec", container.id, "sh", "-c", "cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null; true"
    ).stdout
    #expect(text == "33\n")
  }

  @Test("a terminal in the foreground is the process's own")
  func terminal() throws {
    let container = try RuntimeBundle("tty; stat -c %F /dev/console; stat -c %t:%T /dev/console; echo error >&2")
    container.spec.process?.terminal = true
    let result = try container.run()
    #expect(result.stdout == "/dev/pts/0\r\ncharacter special file\r\n88:0\r\nerror\r\n", "\(result)")
  }

  @Test("a file system that copies up begins with what it covers")
  func copyUp() throws {
    let container = try RuntimeBundle("cat /etc/a /etc/d/b; readlink /etc/c; touch /etc/new && stat -c %a:%u /etc/d")
    let files = "\(container.bundle)/rootfs/etc"
    try Files.makeDirectories("\(files)/d", mode: 0o751)
    try Files.setMode("\(files)/d", 0o751)
    try Files.setOwner("\(files)/d", uid: 12, gid: 0)
    try Files.writeAtomically(Array("A\n".utf8), to: "\(files)/a")
    try Files.writeAtomically(Array("B\n".utf8), to: "\(files)/d/b")
    symlink("/bin/sh", "\(files)/c")
    container.spec.mounts.append(.init(destination: "/etc", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "mode=755"]))
    #expect(try container.run().stdout == "A\nB\n/bin/sh\n751:12\n")
    #expect(try Files.list(files) == ["a", "c", "d"])
  }

  @Test("descriptors are passed on only when asked for")
  func descriptors() throws {
    let container = try RuntimeBundle("ls /proc/self/fd; cat <&3")
    try container.write()
    let script = "exec 3<<EOF\nthree\nEOF\nexec 4</etc 7</; \(RuntimeBundle.program) --root \(container.root) run -b \(container.bundle)"
    let passed = try Command.run("sh", ["-c", "\(script) --preserve-fds 1 \(container.id)"])
    #expect(passed.stdout.hasSuffix("three\n") && !passed.stdout.contains("\n7\n"), "\(passed)")
    let closed = try Command.run("sh", ["-c", "\(script) \(container.id)"])
    #expect(!closed.stdout.contains("three") && closed.exit != 0, "\(closed)")
  }
}
