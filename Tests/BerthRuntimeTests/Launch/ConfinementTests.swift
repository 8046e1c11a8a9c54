import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime
import BerthSeccomp
import BerthTestSupport
import Glibc
import Testing

@Suite(.enabled(if: TestContainer.canRun, "needs root, busybox and runtime-probe"))
struct ConfinementTests {
  @Test("mounts are those of the spec, and nothing of the node's")
  func mounts() throws {
    let run = try TestContainer("while read -r d p t o r; do echo $p $t; done < /proc/self/mounts").run()
    let seen = run.lines.filter { !$0.hasPrefix("/sys/fs/cgroup/") && !$0.hasPrefix("/proc/") && !$0.hasPrefix("/sys/d") }
    #expect(
      seen == [
        "/ overlay", "/proc proc", "/dev tmpfs", "/dev/pts devpts", "/dev/mqueue mqueue", "/dev/shm tmpfs", "/sys sysfs",
        "/sys/firmware tmpfs", seen.last ?? "",
      ], "\(run)")
    #expect(seen.last?.hasPrefix("/sys/fs/cgroup ") == true)
  }

  @Test("on the node's network, /sys is the container's own instance all the same, and read-only throughout")
  func hostNetworkSys() throws {
    let container = try TestContainer("while read -r d p t o r; do case $p in /sys*) echo $p $t ${o%%,*};; esac; done < /proc/self/mounts")
    container.spec.linux?.namespaces.removeAll { $0.type == .network }
    let run = try container.run()
    #expect(run.lines.first == "/sys sysfs ro", "\(run)")
    #expect(run.lines.count > 2 && run.lines.allSatisfy { $0.hasSuffix(" ro") })
    #expect(run.lines.dropFirst().allSatisfy { $0.contains(" tmpfs ") || $0.contains(" cgroup") }, "\(run)")
  }

  @Test("masked paths are empty and read-only paths refuse writes")
  func hiddenPaths() throws {
    let run = try TestContainer(
      "cat /proc/timer_list; cat /proc/interrupts; ls /sys/firmware; echo h > /proc/sysrq-trigger; echo x > /proc/sys/kernel/hostname"
    ).run()
    #expect(run.lines.count == 2 && run.lines.allSatisfy { $0.contains("Read-only file system") || $0.contains("nonexistent") }, "\(run)")
  }

  @Test("a /dev that is a symlink to the node's directories changes nothing there")
  func devSymlink() throws {
    let container = try TestContainer("[ -c /dev/null ] && echo yes; [ -L /dev/ptmx ] && echo yes")
    let outside = "\(container.directory.path)/outside"
    try Files.makeDirectory(outside, mode: 0o755)
    symlink(outside, "\(container.image)/dev")
    let run = try container.run()
    // In the container, the link's target is a path below its own root, which doesn't exist.
    #expect(try Files.list(outside) == [], "\(run)")
    symlink("..", "\(container.image)/up")
    unlink("\(container.image)/dev")
    symlink("../../../../../..\(outside)", "\(container.image)/dev")
    _ = try container.run()
    #expect(try Files.list(outside) == [])
    // A link to a directory of the image itself works.
    unlink("\(container.image)/dev")
    try Files.makeDirectory("\(container.image)/elsewhere", mode: 0o755)
    symlink("/elsewhere", "\(container.image)/dev")
    #expect(try container.run().lines == ["yes", "yes"])
    #expect(try Files.list("\(container.image)/elsewhere") == [])
  }

  @Test("a /proc or /sys that is a symlink is refused")
  func procSymlink() throws {
    for name in ["proc", "sys"] {
      let container = try TestContainer("true")
      try Files.makeDirectory("\(container.image)/other", mode: 0o755)
      symlink("/other", "\(container.image)/\(name)")
      let run = try container.run()
      #expect(run.error == "launch (c): mount /\(name): Too many levels of symbolic links (ELOOP)", "\(run)")
    }
  }

  @Test("a masked path that is a symlink masks what it means in the container, never on the node")
  func maskedSymlink() throws {
    let container = try TestContainer("cat /secret; cat /etc/inner")
    let outside = try container.directory.write("of the node\n", to: "outside")
    symlink(outside, "\(container.image)/secret")
    symlink("/etc/inner", "\(container.image)/alias")
    try container.directory.write("of the image\n", to: "image/etc/inner")
    container.spec.linux?.maskedPaths = ["/secret", "/alias"]
    let run = try container.run()
    #expect(run.lines.count == 1 && run.output.contains("can't open '/secret'"), "\(run)")
    #expect(try Files.readText(outside) == "of the node\n")
  }

  @Test("a volume's destination and sub path stay inside root and volume")
  func volumes() throws {
    let container = try TestContainer("cat /data/file; echo no > /data/new; cat /part/x; ls /link")
    let volume = "\(container.directory.path)/volume"
    try container.directory.write("text\n", to: "volume/file")
    try container.directory.write("inner\n", to: "volume/sub/x")
    symlink("/", "\(container.image)/out")
    container.spec.mounts.append(.init(destination: "/out/data", type: "bind", source: volume, options: ["rbind", "ro"]))
    container.spec.mounts.append(.init(destination: "/part", type: "bind", source: volume, options: ["bind"]))
    container.request.subPaths = ["/part": "sub"]
    let run = try container.run()
    #expect(run.output.contains("text\n") && run.output.contains("inner\n") && run.output.contains("Read-only file system"), "\(run)")
    #expect(try Files.list(volume) == ["file", "sub"])
    // A sub path that a container has replaced by a link.
    try Files.removeTree("\(volume)/sub")
    symlink("/etc", "\(volume)/sub")
    let escaping = try container.run()
    #expect(escaping.error.contains("mount /part from \(volume)/sub: No such file or directory"), "\(escaping)")
  }

  @Test("nothing may be mounted inside /proc, also not through a symlink")
  func mountInProc() throws {
    let container = try TestContainer("true")
    symlink("/proc/sys", "\(container.image)/way")
    for destination in ["/proc/sys/kernel", "/way", "/proc"] {
      var other = container.spec
      other.mounts.append(.init(destination: destination, type: "tmpfs", source: "tmpfs"))
      swap(&other, &container.spec)
      let run = try container.run()
      #expect(run.error.contains("/proc") || run.error.contains("mount /way: Operation not permitted"), "\(run)")
      swap(&other, &container.spec)
    }
  }

  @Test("devices but the standard ones are denied, even where a node can be made")
  func devices() throws {
    let run = try TestContainer("cat /dev/zero | dd count=1 bs=1 2>/dev/null | ls -d /; mknod /dev/mem c 1 1 && cat /dev/mem").run()
    #expect(run.output.contains("can't open '/dev/mem': Operation not permitted"), "\(run)")
  }

  @Test("the standard devices work whatever the rules say, however fast they come into force", arguments: [[], [false], [true, false]])
  func standardDevices(_ allows: [Bool]) throws {
    let container = try TestContainer(
      "dd if=/dev/zero of=/dev/null count=1 2>/dev/null; dd if=/dev/urandom of=/dev/null count=1 2>/dev/null")
    container.spec.linux?.resources?.devices = allows.map { RuntimeSpec.DeviceRule(allow: $0) }
    let run = try container.run(times: 20)
    #expect(run.results.allSatisfy { $0["exit"] == 0 }, "\(run)")
  }

  @Test("the root file system's own device nodes don't work")
  func nodesInImage() throws {
    let container = try TestContainer("cat /node")
    #expect(mknod("\(container.image)/node", S_IFCHR | 0o666, 1 << 8 | 3) == 0)
    #expect(try container.run().output.contains("Permission denied"))
    container.request.rootfsWithoutDevices = false
    #expect(try container.run().exit == 0)
  }

  @Test("a read-only root file system refuses writes, mounts in it take them")
  func readOnlyRoot() throws {
    let container = try TestContainer("touch /x; touch /dev/shm/y && echo fine")
    container.spec.root?.readonly = true
    let run = try container.run()
    #expect(run.output.contains("/x: Read-only file system") && run.lines.contains("fine"), "\(run)")
  }

  @Test("the default filter is loaded, and namespaces can't be made under it")
  func seccomp() throws {
    let container = try TestContainer("grep Seccomp: /proc/self/status; unshare -m true; echo $?")
    let profile = SeccompProfile.standard.resolved(
      capabilities: ContainerDefaults.capabilities + ["CAP_SYS_PTRACE"], kernel: KernelVersion(major: 6, minor: 1))
    let file = "\(container.directory.path)/filter"
    try Files.writeAtomically(SeccompCompiler.compile(profile), to: file)
    // The capability is there, the filter alone is in the way.
    container.spec.process?.capabilities = .init(only: ContainerDefaults.capabilities + ["CAP_SYS_ADMIN"])
    #expect(try container.run().lines.last == "0", "without a filter it works")
    container.request.seccompFilter = file
    let run = try container.run()
    #expect(run.lines.contains("Seccomp:\t2") && run.lines.last == "1" && run.output.contains("Operation not permitted"), "\(run)")
  }

  @Test("sysctls of the container's own namespaces are set, others refused")
  func sysctls() throws {
    let container = try TestContainer("cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax")
    container.spec.linux?.sysctl = ["net.ipv4.ip_unprivileged_port_start": "80", "kernel.msgmax": "12345"]
    #expect(try container.run().lines == ["80", "12345"])
    container.spec.linux?.sysctl = ["kernel.core_pattern": "|/x"]
    #expect(try container.run().error.contains("linux.sysctl.kernel.core_pattern"))
    container.spec.linux?.sysctl = ["net.ipv4.ip_forward": "1"]
    container.spec.linux?.namespaces.removeAll { $0.type == .network }
    #expect(try container.run().error.contains("needs a network namespace of its own"))
  }
}
