import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime
import BerthTestSupport
import Glibc
import Testing

/// Attacks by an image or a config.json, named as in docs/security.md. Where Debian's runc 1.1.5 falls to one, the test first shows that
/// it does: the attack is real, and the guard is what stops it.
@Suite("attacks", .enabled(if: RuntimeBundle.canRun, "needs root, busybox and the built berth-runtime"))
struct AttackTests {
  /// Killed if it hangs, as it does on some of these.
  private func underRunc(_ container: RuntimeBundle) throws -> CommandResult {
    try Command.run(
      "timeout", ["-s", "KILL", "20", "runc", "--root", "\(container.root)-runc", "run", "-b", container.bundle, container.id])
  }

  /// Whether this machine's runc is one that is known to fall.
  private static let isOldRunc =
    RuntimeBundle.canCompare && (try? Command.run("runc", ["--version"]).stdout.hasPrefix("runc version 1.1.5")) == true

  @Test("A02: a working directory behind a descriptor of the runtime's is refused", arguments: 3...12)
  func a02(_ number: Int) throws {
    let container = try RuntimeBundle("pwd; ls ..")
    container.spec.process?.cwd = "/proc/self/fd/\(number)"
    let result = try container.run()
    #expect(result.exit == 1 && result.stdout.isEmpty, "\(result)")
    #expect(container.isGone)
  }

  @Test("A07: a /dev that is a symlink makes nothing on the node, as it does under runc 1.1.5")
  func a07() throws {
    let container = try RuntimeBundle("[ -c /dev/null ] && echo fine")
    let outside = "\(container.directory.path)/outside"
    try Files.makeDirectory(outside, mode: 0o755)
    symlink(outside, "\(container.bundle)/rootfs/dev")
    try container.write()
    if Self.isOldRunc {
      _ = try underRunc(container)
      #expect(try Files.list(outside).contains("ptmx"), "runc doesn't fall to it any more: the attack is no attack")
      for name in try Files.list(outside) { try Files.unlink("\(outside)/\(name)") }
    }
    _ = try container.run()
    #expect(try Files.list(outside) == [])
    #expect(container.isGone)
  }

  @Test("A04: a null device that the image has replaced by a symlink hides what it is to hide; runc 1.1.5 opens its target for writing")
  func a04() throws {
    let script = "cat /etc/masked; echo over > /etc/masked; cat /etc/target"
    let container = try RuntimeBundle(script)
    try container.directory.write("hidden\n", to: "bundle/rootfs/etc/masked")
    try container.directory.write("target\n", to: "bundle/rootfs/etc/target")
    try Files.makeDirectory("\(container.bundle)/rootfs/dev", mode: 0o755)
    symlink("/etc/target", "\(container.bundle)/rootfs/dev/null")
    // Without a /dev of its own, the container sees the image's.
    container.spec.mounts.removeAll { $0.destination.hasPrefix("/dev") }
    container.spec.linux?.maskedPaths = ["/etc/masked"]
    if Self.isOldRunc {
      // Nothing is printed: runc has opened the standard streams through the link as well, and what is read would be written behind itself.
      container.spec.process?.args = ["sh", "-c", "echo over > /etc/masked"]
      try container.write()
      _ = try underRunc(container)
      #expect(
        try Files.readText("\(container.bundle)/rootfs/etc/target") == "over\n", "runc doesn't fall to it any more: the attack is none")
      try Files.removeTree("\(container.bundle)/rootfs/dev")
      try Files.makeDirectory("\(container.bundle)/rootfs/dev", mode: 0o755)
      symlink("/etc/target", "\(container.bundle)/rootfs/dev/null")
      try container.directory.write("target\n", to: "bundle/rootfs/etc/target")
      container.spec.process?.args = ["sh", "-c", script]
    }
    let result = try container.run()
    // What is bound is the node's null device, verified: empty to read, and what is written is gone.
    #expect(result.stdout == "target\n", "\(result)")
    #expect(try Files.readText("\(container.bundle)/rootfs/etc/target") == "target\n")
  }

  @Test("A05, A08: a console and standard streams never go through the image's symlinks")
  func a05() throws {
    let container = try RuntimeBundle("tty; echo said")
    let target = try container.directory.write("of the node\n", to: "target")
    try Files.makeDirectory("\(container.bundle)/rootfs/dev", mode: 0o755)
    for name in ["console", "null", "tty"] { symlink(target, "\(container.bundle)/rootfs/dev/\(name)") }
    container.spec.process?.terminal = true
    #expect(try container.run().stdout.contains("/dev/pts/0"))
    // The image's own /dev, with a devpts in it: the console's name is a symlink there.
    container.spec.mounts.removeAll { $0.destination.hasPrefix("/dev") && $0.destination != "/dev/pts" }
    _ = try container.run()
    #expect(try Files.readText(target) == "of the node\n")
    #expect(try Files.status(target).uid == 0 && container.isGone)
  }

  @Test("A06: what is written through proc goes to no file of the image's")
  func a06() throws {
    let container = try RuntimeBundle("cat /proc/self/oom_score_adj /proc/sys/kernel/msgmax")
    for (path, mount) in [("proc", true), ("proc", false)] {
      _ = try? Files.removeTree("\(container.bundle)/rootfs/\(path)")
      try Files.makeDirectories("\(container.bundle)/rootfs/elsewhere/sys/kernel", mode: 0o755)
      let trap = try container.directory.write("", to: "bundle/rootfs/elsewhere/sys/kernel/msgmax")
      symlink("/elsewhere", "\(container.bundle)/rootfs/\(path)")
      if !mount { container.spec.mounts.removeAll { $0.destination == "/proc" } }
      container.spec.process?.oomScoreAdj = 100
      container.spec.linux?.sysctl = ["kernel.msgmax": "4444"]
      _ = try container.run()
      #expect(try Files.readText(trap) == "")
      _ = unlink("\(container.bundle)/rootfs/\(path)")
    }
  }

  @Test("A09, A10: mount points behind symlinks are made inside the root, files and folders alike")
  func a09() throws {
    let container = try RuntimeBundle("cat /way/out/file; ls -d /way/out/folder")
    let outside = "\(container.directory.path)/outside"
    try Files.makeDirectory(outside, mode: 0o755)
    let file = try container.directory.write("bound\n", to: "file")
    symlink("../../../../../../../../..\(outside)", "\(container.bundle)/rootfs/way")
    // Inside the root the link leads nowhere yet, then to a folder of the same name.
    container.spec.mounts.append(.init(destination: "/way/out/file", type: "bind", source: file, options: ["bind"]))
    #expect(try container.run().exit == 1)
    #expect(try Files.list(outside) == [] && container.isGone)
    container.spec.mounts.removeLast()
    try Files.makeDirectories("\(container.bundle)/rootfs\(outside)", mode: 0o755)
    container.spec.mounts.append(.init(destination: "/way/out/file", type: "bind", source: file, options: ["bind"]))
    container.spec.mounts.append(.init(destination: "/way/out/folder", type: "tmpfs", source: "t"))
    #expect(try container.run().stdout == "bound\n/way/out/folder\n")
    #expect(try Files.list(outside) == [])
  }

  @Test("A13: a further process inherits no capability, also where one is added")
  func a13() throws {
    let container = try RuntimeBundle("sleep 100")
    try container.create()
    try container.must("start", container.id)
    let said = try container.must("exec", "--cap", "CAP_SYS_PTRACE", container.id, "grep", "-E", "CapInh|CapAmb", "/proc/self/status")
      .stdout
    #expect(said == "CapInh:\t0000000000000000\nCapAmb:\t0000000000000000\n")
  }

  @Test(
    "A35: what the node does with a core, a module or a foreign program isn't for root in a container to say, nor is it by a file system of its own"
  )
  func a35() throws {
    let files = ["kernel/core_pattern", "kernel/modprobe", "kernel/hotplug", "fs/binfmt_misc/register"].map { "/proc/sys/\($0)" }
      .filter(Files.exists)
    // Opened for writing, never written to: without the guard the node's own would change.
    let script = """
      for file in \(files.joined(separator: " ")); do (: 3<> $file) 2> /dev/null && echo opened; done
      busybox mkdir /tmp/proc && mount -t proc proc /tmp/proc 2> /dev/null && (: 3<> /tmp/proc/sys/kernel/core_pattern) && echo mounted
      busybox ulimit -Hc 2> /dev/null || ulimit -Hc
      """
    let container = try RuntimeBundle(script)
    container.spec.process?.rlimits = ContainerDefaults.rlimits
    container.spec.process?.rlimits.removeAll { $0.type != "RLIMIT_CORE" }
    #expect(try container.run().stdout == "0\n")
    container.spec.linux?.readonlyPaths = []
    #expect(try container.run().stdout.hasPrefix("opened\n"), "without the guard the attack works")
  }

  @Test("A19: a sysctl's name or value that smuggles in another is refused")
  func a19() throws {
    for (name, value) in [
      ("kernel.msgmax", "1\nkernel.core_pattern=|/x"), ("net.ipv4/../../kernel/core_pattern", "x"), ("kernel.core_pattern", "|/x"),
      ("net.ipv4.ip_forward+kernel.core_pattern", "1"), ("kernel.msgmax ", "1"),
    ] {
      let container = try RuntimeBundle("true")
      container.spec.linux?.sysctl = [name: value]
      let result = try container.run()
      #expect(result.exit == 1 && result.stderr.contains("linux.sysctl"), "\(name): \(result)")
    }
    #expect(try !Files.readText("/proc/sys/kernel/core_pattern").contains("/x"))
  }

  @Test(
    "A23: a user that is no id of 32 bits is refused, never taken for root", arguments: ["4294967296", "-1", "4294967295", "1.5", "0x0"])
  func a23(_ id: String) throws {
    let container = try RuntimeBundle("id -u")
    try container.write()
    let file = "\(container.bundle)/config.json"
    try Files.writeAtomically(
      Array(try Files.readText(file).replacing("\"uid\":0", with: "\"uid\":\(id)").utf8), to: file)
    let result = try container(["run", "-b", container.bundle, container.id])
    #expect(result.exit == 1 && result.stdout.isEmpty, "\(result)")
    #expect(container.isGone)
  }

  @Test("A42: what root in a container writes into memory ends at the size of its file systems, in /proc, /sys and what is masked at once")
  func a42() throws {
    let fill = "busybox dd if=/dev/zero of=$f bs=1M count=80 2> /dev/null; busybox stat -c %s $f; busybox rm -f $f"
    let container = try RuntimeBundle(
      "for f in /dev/fill /dev/shm/fill; do \(fill); done; for d in /proc /sys /sys/fs/cgroup /sys/firmware /dev/mqueue/x; do"
        + " (: > $d/fill) 2> /dev/null && echo $d; done; true")
    #expect(try container.run().stdout == "67108864\n67108864\n")
    for at in container.spec.mounts.indices { container.spec.mounts[at].options.removeAll { $0.hasPrefix("size=") } }
    #expect(try container.run().stdout == "83886080\n83886080\n", "without a size the attack works")
  }

  @Test("A31: the session keyring is the container's own")
  func a31() throws {
    let container = try RuntimeBundle("cat /proc/keys")
    container.spec.linux?.maskedPaths = []
    #expect(try container.run().stdout.contains("_berth.\(container.id)"))
  }
}
