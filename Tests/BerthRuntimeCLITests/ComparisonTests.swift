import BerthCore
import BerthLinux
import BerthOCI
import BerthTestSupport
import Glibc
import Testing

/// The same bundle under both runtimes: what a process sees of its confinement must be the same.
@Suite("as under runc", .enabled(if: RuntimeBundle.canCompare, "needs root, busybox, runc and the built berth-runtime"))
struct ComparisonTests {
  private func outputs(_ container: RuntimeBundle) throws -> (own: String, runc: String) {
    let own = try container.run()
    #expect(own.exit == 0, "\(own)")
    let runc = try Command.run("runc", ["--root", "\(container.root)-runc", "run", "-b", container.bundle, container.id])
    #expect(runc.exit == 0, "\(runc)")
    return (own.stdout, runc.stdout)
  }

  @Test("ids, capabilities, seccomp, limits and names are the same")
  func process() throws {
    let container = try RuntimeBundle(
      "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:|Umask|SigBlk)' /proc/self/status; cat /proc/self/limits | grep -E 'open|core';"
        + "cat /proc/sys/kernel/hostname; cat /proc/self/oom_score_adj; echo $PATH $PWD")
    container.spec.process?.user = .init(uid: 1000, gid: 1001, umask: 0o27, additionalGids: [7, 8])
    container.spec.process?.rlimits = [.init("RLIMIT_NOFILE", soft: 512, hard: 1024), .init("RLIMIT_CORE", soft: 0, hard: 0)]
    container.spec.process?.oomScoreAdj = 200
    var seccomp = LinuxSeccomp(defaultAction: "SCMP_ACT_ALLOW")
    seccomp.syscalls = [.init(["swapon"], action: "SCMP_ACT_ERRNO")]
    container.spec.linux?.seccomp = seccomp
    let (own, runc) = try outputs(container)
    #expect(own == runc)
    #expect(own.contains("Seccomp:\t2"))
  }

  @Test("mount points, their types and their flags are the same")
  func mounts() throws {
    let container = try RuntimeBundle("sed -E 's/^[^ ]+ ([^ ]+) ([^ ]+) ([^ ,]+).*/\\1 \\2 \\3/' /proc/mounts | sort")
    container.spec.linux?.maskedPaths = ["/proc/kcore", "/proc/acpi", "/sys/firmware"]
    container.spec.root?.readonly = true
    for directory in ["dev", "proc", "sys", "data"] {
      try Files.makeDirectory("\(container.bundle)/rootfs/\(directory)", mode: 0o755)
    }
    try Files.makeDirectory("\(container.directory.path)/data")
    container.spec.mounts.append(
      .init(destination: "/data", type: "bind", source: "\(container.directory.path)/data", options: ["rbind", "ro", "nosuid"]))
    let (own, runc) = try outputs(container)
    // runc makes one tmpfs for each masked directory and binds the null device as what it lies on; the flags are what confines.
    let points = { (text: String) in Set(text.split(separator: "\n").filter { !$0.contains("/proc/acpi") }) }
    #expect(points(own).symmetricDifference(points(runc)).filter { !$0.hasPrefix("/sys/fs/cgroup") } == [], "\(own)\n\(runc)")
  }

  @Test("in a user namespace, ids, capabilities, devices and mounts are the same")
  func userNamespace() throws {
    let container = try RuntimeBundle(
      "id; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; grep -E '^(Cap|Groups)' /proc/self/status;"
        + "ls /dev | sort; echo x > /dev/null && sed -E 's/^[^ ]+ ([^ ]+) ([^ ]+) ([^ ,]+).*/\\1 \\2 \\3/' /proc/mounts | sort")
    try container.mapIDs()
    container.spec.linux?.maskedPaths = ["/proc/kcore", "/sys/firmware"]
    container.spec.process?.user = .init(uid: 1000, gid: 1001, additionalGids: [7, 8])
    for directory in ["dev", "proc", "sys"] { try Files.makeDirectory("\(container.bundle)/rootfs/\(directory)", mode: 0o755) }
    try container.giveRoot()
    // runc walks to the bundle as the container's root.
    #expect(chmod(container.directory.path, 0o755) == 0)
    let (own, runc) = try outputs(container)
    // runc binds the node's devices one by one, with their owners; here they are the container's own.
    let points = { (text: String) in
      Set(text.split(separator: "\n").filter { !$0.hasPrefix("/dev/") && !$0.hasPrefix("/sys/fs/cgroup") })
    }
    #expect(points(own).symmetricDifference(points(runc)) == [], "\(own)\n\(runc)")
    #expect(own.contains("uid=1000"))
  }

  @Test("the cgroup's limits and its devices are the same")
  func limits() throws {
    let container = try RuntimeBundle(
      "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes pids/pids.max cpu/cpu.shares cpu/cpu.cfs_quota_us memory.max pids.max cpu.weight "
        + "2>/dev/null; cat devices/devices.list 2>/dev/null | sort; ls /dev | sort; true")
    var resources = RuntimeSpec.Resources()
    resources.memory.limit = 64 << 20
    resources.pids = 77
    resources.cpu.shares = 512
    resources.cpu.quota = 50_000
    resources.cpu.period = 100_000
    resources.devices = [.init(allow: false)]
    container.spec.linux?.resources = resources
    let (own, runc) = try outputs(container)
    // runc 1.1 still lets tun through, which later ones don't, and the console by its terminal alone.
    let difference = Set(own.split(separator: "\n")).symmetricDifference(runc.split(separator: "\n"))
    #expect(difference.isSubset(of: ["c 10:200 rwm", "c 5:1 rwm"]), "\(own)\n\(runc)")
    #expect(own.contains("67108864") && own.contains("77"))
  }

  @Test("state has the same members")
  func state() throws {
    let container = try RuntimeBundle("sleep 100")
    try container.create()
    let own = try container.must("state", container.id).json()
    try container.must("delete", "--force", container.id)
    let root = "\(container.root)-runc"
    // runc keeps the caller's streams open: they are the files that Command gives it.
    let created = try Command.run("runc", ["--root", root, "create", "-b", container.bundle, container.id])
    #expect(created.exit == 0, "\(created)")
    let runc = try Command.run("runc", ["--root", root, "state", container.id]).json()
    _ = try Command.run("runc", ["--root", root, "delete", "--force", container.id])
    #expect(own.object?.keys == runc.object?.keys)
    #expect(own["status"] == runc["status"] && own["rootfs"] == runc["rootfs"] && own["ociVersion"]?.string != nil)
  }
}
