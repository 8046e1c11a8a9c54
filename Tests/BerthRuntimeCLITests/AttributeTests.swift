import BerthCore
import BerthLinux
import BerthOCI
import BerthTestSupport
import Testing

/// What the kernel says of a process that was given attributes.
@Suite("attributes of a process", .enabled(if: RuntimeBundle.canRun, "needs root, busybox and the built berth-runtime"))
struct AttributeTests {
  /// Fields of /proc/PID/stat from the third on. Source: proc_pid_stat(5).
  private func stat(_ text: String) throws -> [Int] {
    let end = try #require(text.lastIndex(of: ")"))
    return text[end...].split(whereSeparator: \.isWhitespace).dropFirst(2).compactMap { Int($0) }
  }

  @Test(
    "the scheduler is as asked for",
    arguments: [("SCHED_BATCH", 7, 0, 3, 27), ("SCHED_IDLE", 0, 0, 5, 20), ("SCHED_OTHER", -5, 0, 0, 15)])
  func scheduler(policy: String, nice: Int32, priority: Int32, number: Int, kernelPriority: Int) throws {
    let container = try RuntimeBundle("cat /proc/self/stat")
    var scheduler = RuntimeSpec.Scheduler(policy: policy)
    scheduler.nice = nice
    scheduler.priority = priority
    container.spec.process?.scheduler = scheduler
    let fields = try stat(try container.run().stdout)
    // Fields 18 (priority), 19 (nice) and 41 (policy), where the first here is 4.
    #expect(fields.count > 37 && fields[14] == kernelPriority && fields[15] == nice && fields[36] == number, "\(fields)")
  }

  @Test("a real-time scheduler is had, or refused by the kernel in a line that names it")
  func realTime() throws {
    let container = try RuntimeBundle("cat /proc/self/stat")
    var scheduler = RuntimeSpec.Scheduler(policy: "SCHED_RR")
    scheduler.priority = 3
    scheduler.flags = ["SCHED_FLAG_RESET_ON_FORK"]
    container.spec.process?.args = ["cat", "/proc/self/stat"]
    container.spec.process?.scheduler = scheduler
    let result = try container.run()
    if result.exit == 0 {
      let fields = try stat(result.stdout)
      #expect(fields.count > 37 && fields[35] == 3 && fields[36] == 2, "\(fields)")
    } else {
      #expect(result.stderr.contains("set scheduler SCHED_RR") && container.isGone, "\(result)")
    }
  }

  @Test("I/O priority, personality and memory policy are as asked for, also of a further process")
  func others() throws {
    let script = "busybox ionice -p $$; busybox uname -m; busybox head -n 1 /proc/self/numa_maps 2>/dev/null"
    let container = try RuntimeBundle(script)
    container.spec.process?.ioPriority = .init("IOPRIO_CLASS_BE", priority: 6)
    container.spec.linux?.personality = .init("LINUX32")
    let hasNodes = Files.exists("/proc/self/numa_maps")
    if hasNodes { container.spec.linux?.memoryPolicy = .init("MPOL_BIND", nodes: "0") }
    func check(_ result: CommandResult) {
      #expect(result.stdout.hasPrefix("best-effort: prio 6\n"), "\(result)")
      #expect(result.stdout.contains("\ni686\n") || result.stdout.contains("\narmv8l\n"), "\(result)")
      #expect(!hasNodes || result.stdout.contains(" bind:0 "), "\(result)")
    }
    check(try container.run())
    container.spec.process?.args = ["sleep", "100"]
    try container.create()
    try container.must("start", container.id)
    check(try container.must("exec", container.id, "sh", "-c", script))
  }

  @Test("a process without HOME has that of its user, as under runc", arguments: [(0, "/root"), (7, "/seven"), (8, "/")])
  func home(user: UInt32, expected: String) throws {
    let container = try RuntimeBundle("true")
    try container.directory.write("root:x:0:0::/root:/bin/sh\nseven:x:7:7::/seven:/bin/sh\n", to: "bundle/rootfs/etc/passwd")
    container.spec.process?.user.uid = user
    container.spec.process?.args = ["sh", "-c", "echo $HOME"]
    #expect(try container.run().stdout == "\(expected)\n")
    container.spec.process?.env.append("HOME=/given")
    #expect(try container.run().stdout == "/given\n")
    container.spec.process?.env.removeLast()
    container.spec.process?.args = ["sleep", "1000"]
    try container.create()
    try container.must("start", container.id)
    #expect(try container("exec", "--user", "7", container.id, "sh", "-c", "echo $HOME").stdout == "/seven\n")
    #expect(try container("exec", "--user", "9", container.id, "sh", "-c", "echo $HOME").stdout == "/\n")
  }

  @Test("a further process runs on the CPUs it is given, before and after it joins the cgroup; the first one doesn't")
  func affinity() throws {
    let container = try RuntimeBundle("grep Cpus_allowed_list /proc/self/status; exec sleep 100")
    let all = try Files.readText("/proc/self/status").split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list") }
    container.spec.process?.execCPUAffinity = .init(initial: "0", final: "0")
    container.spec.process?.args = ["grep", "Cpus_allowed_list", "/proc/self/status"]
    #expect(try container.run().stdout.hasPrefix(try #require(all)))
    container.spec.process?.args = ["sleep", "100"]
    try container.create()
    try container.must("start", container.id)
    let seen = try container.must("exec", container.id, "grep", "Cpus_allowed_list", "/proc/self/status")
    #expect(seen.stdout == "Cpus_allowed_list:\t0\n")
  }

  @Test("all five sets of capabilities, umask and groups are as under runc", .enabled(if: RuntimeBundle.canCompare, "needs runc"))
  func capabilities() throws {
    let container = try RuntimeBundle("grep -E '^(Uid|Gid|Groups|Cap|Umask)' /proc/self/status")
    var sets = RuntimeSpec.Capabilities()
    sets.bounding = ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_SETUID"]
    sets.permitted = ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"]
    sets.inheritable = ["CAP_KILL", "CAP_NET_RAW"]
    sets.ambient = ["CAP_KILL"]
    sets.effective = ["CAP_CHOWN", "CAP_KILL"]
    container.spec.process?.capabilities = sets
    container.spec.process?.noNewPrivileges = false
    for user in [RuntimeSpec.User(uid: 0, gid: 0), RuntimeSpec.User(uid: 7, gid: 8, umask: 0o77, additionalGids: [9, 10])] {
      container.spec.process?.user = user
      let own = try container.run()
      let runc = try Command.run("runc", ["--root", "\(container.root)-runc", "run", "-b", container.bundle, container.id])
      #expect(own.exit == 0 && own.stdout == runc.stdout, "\(own)\n\(runc)")
    }
  }

  @Test(
    "the personality is as under crun",
    .enabled(if: RuntimeBundle.canRun && Command.exists("crun") && Command.exists("unshare"), "needs crun"))
  func personality() throws {
    let container = try RuntimeBundle("busybox uname -m")
    container.spec.linux?.personality = .init("LINUX32")
    let own = try container.run()
    // It refuses a machine with both hierarchies.
    let script = "umount /sys/fs/cgroup/unified 2>/dev/null; exec crun --root \"$0\" run -b \"$1\" \"$2\""
    let crun = try Command.run("unshare", ["-m", "sh", "-c", script, "\(container.root)-crun", container.bundle, container.id])
    #expect(own.exit == 0 && own.stdout == crun.stdout, "\(own)\n\(crun)")
  }

  @Test(
    "what can't be is refused in one line that names the field",
    arguments: [
      ("process", "scheduler", "{\"policy\": \"SCHED_NONE\"}", "process.scheduler.policy"),
      ("process", "scheduler", "{\"policy\": \"SCHED_OTHER\", \"nice\": 20}", "process.scheduler.nice"),
      ("process", "ioPriority", "{\"class\": \"IOPRIO_CLASS_BE\", \"priority\": 8}", "process.ioPriority.priority"),
      ("process", "selinuxLabel", "\"system_u:system_r:container_t:s0\"", "doesn't run SELinux"),
      ("process", "apparmorProfile", "\"nothing\"", "doesn't run AppArmor"),
      ("linux", "personality", "{\"domain\": \"BSD\"}", "linux.personality.domain"),
      ("linux", "personality", "{\"domain\": \"LINUX\", \"flags\": [\"x\"]}", "linux.personality.flags"),
      ("linux", "memoryPolicy", "{\"mode\": \"MPOL_BIND\", \"nodes\": \"3-1\"}", "linux.memoryPolicy.nodes"),
      ("linux", "intelRdt", "{\"closID\": \"x\"}", "linux.intelRdt): no resctrl groups"),
      ("linux", "mountLabel", "\"system_u:object_r:container_file_t:s0\"", "doesn't run SELinux"),
      ("linux", "netDevices", "{\"berth-nowhere\": {}}", "linux.netDevices.berth-nowhere"),
      ("linux", "netDevices", "{\"lo\": {\"name\": \"a/b\"}}", "linux.netDevices.lo"),
      ("linux", "netDevices", "{\"a\": {\"name\": \"c\"}, \"b\": {\"name\": \"c\"}}", "linux.netDevices"),
    ])
  func refused(object: String, key: String, value: String, names: String) throws {
    let container = try RuntimeBundle("true")
    var json = container.spec.json().object ?? [:]
    var child = json[object]?.object ?? [:]
    child[key] = try JSON(parsing: Array(value.utf8))
    json[object] = .object(child)
    try container.directory.write(String(decoding: JSON.object(json).encoded(), as: UTF8.self), to: "bundle/config.json")
    let result = try container("run", "-b", container.bundle, container.id)
    // A node that runs the module has no profile of that name.
    #expect(result.exit == 1 && container.isGone)
    #expect(result.stderr.contains(names) || result.stderr.contains("set "), "\(result)")
    #expect(result.stderr.split(separator: "\n").count == 1)
  }
}
