import BerthCore
import BerthLinux
import BerthOCI
import BerthTestSupport
import Glibc
import Testing

/// Members of config.json that no other suite is about, each as the kernel shows it.
@Suite("fields of config.json", .enabled(if: RuntimeBundle.canRun, "needs root, busybox and the built berth-runtime"))
struct FieldTests {
  /// Of the bundle's config.json with `value` in place of `object`'s member `key`; `object` is empty for the document.
  private func run(_ container: RuntimeBundle, _ object: String, _ key: String, _ value: String) throws -> CommandResult {
    var json = container.spec.json().object ?? [:]
    let value = try JSON(parsing: Array(value.utf8))
    if object.isEmpty {
      json[key] = value
    } else {
      var child = json[object]?.object ?? [:]
      child[key] = value
      json[object] = .object(child)
    }
    try container.directory.write(String(decoding: JSON.object(json).encoded(), as: UTF8.self), to: "bundle/config.json")
    return try container("run", "-b", container.bundle, container.id)
  }

  @Test("the domain's name is the container's, and the node keeps its own")
  func domainname() throws {
    let before = try Files.readText("/proc/sys/kernel/domainname")
    let container = try RuntimeBundle("cat /proc/sys/kernel/domainname /proc/sys/kernel/hostname")
    container.spec.domainname = "example.org"
    #expect(try container.run().stdout == "example.org\nbox\n")
    #expect(try Files.readText("/proc/sys/kernel/domainname") == before)
  }

  @Test("a terminal has the size that it is to have")
  func consoleSize() throws {
    let container = try RuntimeBundle("busybox stty size")
    container.spec.process?.terminal = true
    container.spec.process?.consoleSize = .init(height: 31, width: 97)
    #expect(try container.run().stdout == "31 97\r\n")
  }

  @Test("a deadline scheduler is had, or refused by the kernel in a line that names it")
  func deadline() throws {
    let container = try RuntimeBundle("")
    container.spec.process?.args = ["cat", "/proc/self/stat", "/proc/self/sched"]
    var scheduler = RuntimeSpec.Scheduler(policy: "SCHED_DEADLINE")
    (scheduler.runtime, scheduler.deadline, scheduler.period) = (2_000_000, 20_000_000, 40_000_000)
    container.spec.process?.scheduler = scheduler
    let result = try container.run()
    if result.exit == 0 {
      // Field 41, the policy, where the first behind the name is 3.
      let fields = result.stdout.split(separator: ") ", maxSplits: 1).last?.split(separator: " ") ?? []
      #expect(fields.count > 38 && fields[38] == "6", "\(result)")
      #expect(result.stdout.contains("40000000") == Files.exists("/proc/self/sched") || result.stdout.contains("dl."), "\(result)")
    } else {
      #expect(result.stderr.contains("set scheduler SCHED_DEADLINE") && container.isGone, "\(result)")
    }
  }

  @Test("flags of a memory policy are as asked for, or refused by a kernel that knows no nodes")
  func memoryPolicy() throws {
    let container = try RuntimeBundle("busybox head -n 1 /proc/self/numa_maps")
    var policy = RuntimeSpec.MemoryPolicy("MPOL_BIND", nodes: "0")
    policy.flags = ["MPOL_F_STATIC_NODES"]
    container.spec.linux?.memoryPolicy = policy
    let result = try container.run()
    if Files.exists("/proc/self/numa_maps") {
      #expect(result.stdout.contains(" bind=static:0 "), "\(result)")
    } else {
      #expect(result.exit == 1 && result.stderr.contains("set memory policy MPOL_BIND") && container.isGone, "\(result)")
    }
  }

  /// A signal that is ignored by default, sent by kill(2), whose second argument the filter looks at: who gets through.
  private func passed(_ container: RuntimeBundle, _ arguments: [LinuxSeccomp.Argument]) throws -> (own: String, runc: String) {
    var profile = LinuxSeccomp(defaultAction: "SCMP_ACT_ALLOW")
    var rule = LinuxSeccomp.Rule(["kill"], action: "SCMP_ACT_ERRNO", errno: 1)
    rule.args = arguments
    profile.syscalls = [rule]
    container.spec.linux?.seccomp = profile
    let own = try container.run()
    guard RuntimeBundle.canCompare else { return (own.stdout, own.stdout) }
    let runc = try Command.run("runc", ["--root", "\(container.root)-runc", "run", "-b", container.bundle, container.id])
    return (own.stdout, runc.stdout)
  }

  @Test("a filter compares arguments by each operator, as under runc")
  func seccompArguments() throws {
    let container = try RuntimeBundle("for s in 17 18 23 28; do kill -$s $$ 2> /dev/null && printf \"$s \"; done")
    let cases: [(String, UInt64, UInt64, String)] = [
      ("SCMP_CMP_NE", 18, 0, "18 "), ("SCMP_CMP_LT", 18, 0, "18 23 28 "), ("SCMP_CMP_LE", 18, 0, "23 28 "),
      ("SCMP_CMP_EQ", 18, 0, "17 23 28 "), ("SCMP_CMP_GE", 18, 0, "17 "), ("SCMP_CMP_GT", 18, 0, "17 18 "),
      ("SCMP_CMP_MASKED_EQ", 4, 4, "17 18 "),
    ]
    for (op, value, valueTwo, expected) in cases {
      let (own, runc) = try passed(container, [.init(1, op, value, valueTwo)])
      #expect(own == expected && runc == expected, "\(op): \(own), runc \(runc)")
    }
    // Comparisons of different arguments must all hold.
    let (own, runc) = try passed(container, [.init(1, "SCMP_CMP_GE", 23), .init(0, "SCMP_CMP_EQ", 1)])
    #expect(own == "17 18 " && runc == own)
    #expect(try passed(container, [.init(1, "SCMP_CMP_GE", 23), .init(0, "SCMP_CMP_EQ", 2)]).own == "17 18 23 28 ")
  }

  @Test("devices of every kind are there, with their numbers, modes and owners")
  func devices() throws {
    let container = try RuntimeBundle("cd /dev; stat -c '%n %F %t:%T %a %u:%g' block char net/tun pipe")
    var devices: [RuntimeSpec.Device] = [
      .init("/dev/block", .block, major: 7, minor: 5, fileMode: 0o640), .init("/dev/char", .unbufferedCharacter, major: 1, minor: 7),
      .init("/dev/net/tun", .character, major: 10, minor: 200, fileMode: 0o600), .init("/dev/pipe", .fifo, major: 0, minor: 0),
    ]
    (devices[0].uid, devices[0].gid) = (11, 12)
    container.spec.linux?.devices = devices
    #expect(
      try container.run().stdout == """
        block block special file 7:5 640 11:12
        char character special file 1:7 666 0:0
        net/tun character special file a:c8 600 0:0
        pipe fifo 0:0 666 0:0

        """)
  }

  @Test(
    "memory of sockets, the hierarchy and a check before an update are v1's or done anyway", .enabled(if: Self.hasV1, "needs cgroup v1"))
  func memoryOfOldKernels() throws {
    let container = try RuntimeBundle("cd /sys/fs/cgroup/memory && cat memory.kmem.tcp.limit_in_bytes memory.use_hierarchy")
    let result = try run(
      container, "linux", "resources",
      "{\"memory\":{\"kernelTCP\":16777216,\"useHierarchy\":true,\"checkBeforeUpdate\":true,\"limit\":67108864}}")
    #expect(result.stdout == "16777216\n1\n", "\(result)")
  }

  private static let hasV1 = Files.exists("/sys/fs/cgroup/memory/memory.kmem.tcp.limit_in_bytes")
  private static let hasRealtime = RuntimeBundle.canCompare && Files.exists("/sys/fs/cgroup/cpu/cpu.rt_runtime_us")

  @Test(
    "a share for real-time processes is had, or refused by the kernel, as under runc", .enabled(if: hasRealtime, "needs runc, RT groups"))
  func realtime() throws {
    let container = try RuntimeBundle("cat /sys/fs/cgroup/cpu/cpu.rt_runtime_us /sys/fs/cgroup/cpu/cpu.rt_period_us")
    let own = try run(container, "linux", "resources", "{\"cpu\":{\"realtimeRuntime\":1000,\"realtimePeriod\":500000}}")
    let runc = try Command.run("runc", ["--root", "\(container.root)-runc", "run", "-b", container.bundle, container.id])
    #expect((own.exit == 0) == (runc.exit == 0) && own.stdout == runc.stdout, "\(own)\n\(runc)")
    if own.exit != 0 { #expect(own.stderr.contains("cpu.rt_runtime_us") && container.isGone, "\(own)") }
  }

  @Test("objects of other systems are refused by name", arguments: ["windows", "solaris", "vm", "zos", "freebsd"])
  func otherSystems(_ name: String) throws {
    let container = try RuntimeBundle("true")
    let result = try run(container, "", name, "{}")
    #expect(result.exit == 1 && result.stderr.contains("(\(name)): is of another operating system"), "\(result)")
    #expect(result.stderr.split(separator: "\n").count == 1 && container.isGone)
  }

  @Test("members of other systems' processes and those that nobody knows are passed over, as by runc")
  func passedOver() throws {
    let container = try RuntimeBundle("id -u")
    #expect(try run(container, "process", "commandLine", "\"cmd\"").stdout == "0\n")
    #expect(try run(container, "process", "user", "{\"uid\":7,\"gid\":7,\"username\":\"nobody\"}").stdout == "7\n")
    #expect(try run(container, "linux", "xOfTheFuture", "[1]").stdout == "0\n")
  }
}
