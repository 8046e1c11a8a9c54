import BerthCore
import BerthLinux
import BerthOCI
import BerthTestSupport
import Glibc
import Testing

/// One limit of a cgroup after the other, and what the kernel's files say of it under both runtimes.
@Suite(
  "limits field by field",
  .enabled(
    if: RuntimeBundle.canCompare && access("/sys/fs/cgroup/cgroup.controllers", F_OK) != 0,
    "needs root, busybox, runc, cgroup v1 and the built berth-runtime"))
struct LimitTests {
  struct Field: Sendable, CustomTestStringConvertible {
    let name: String
    /// Below /sys/fs/cgroup.
    let files: [String]
    /// What they say in the end.
    let expected: String
    /// `linux.resources`.
    let resources: String
    var testDescription: String { name }

    init(_ name: String, _ files: String..., says expected: String, _ resources: String) {
      self.name = name
      self.files = files
      self.expected = expected
      self.resources = resources
    }
  }

  private static let fields: [Field] = [
    .init("memory.limit", "memory/memory.limit_in_bytes", says: "67108864\n", "{\"memory\":{\"limit\":67108864}}"),
    .init(
      "memory.swap", "memory/memory.limit_in_bytes", "memory/memory.memsw.limit_in_bytes", says: "67108864\n134217728\n",
      "{\"memory\":{\"limit\":67108864,\"swap\":134217728}}"),
    .init("memory.reservation", "memory/memory.soft_limit_in_bytes", says: "33554432\n", "{\"memory\":{\"reservation\":33554432}}"),
    .init("memory.swappiness", "memory/memory.swappiness", says: "33\n", "{\"memory\":{\"swappiness\":33}}"),
    .init(
      "memory.disableOOMKiller", "memory/memory.oom_control", says: "oom_kill_disable 1\nunder_oom 0\noom_kill 0\n",
      "{\"memory\":{\"limit\":67108864,\"disableOOMKiller\":true}}"),
    .init(
      "memory of zeros is as it was", "memory/memory.soft_limit_in_bytes", says: "9223372036854771712\n",
      "{\"memory\":{\"limit\":0,\"reservation\":0,\"swap\":0}}"),
    .init(
      "memory.kernel is part of memory", "memory/memory.limit_in_bytes", says: "67108864\n",
      "{\"memory\":{\"limit\":67108864,\"kernel\":33554432}}"),
    .init("cpu.shares", "cpu/cpu.shares", says: "512\n", "{\"cpu\":{\"shares\":512}}"),
    .init(
      "cpu.quota and period", "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us", says: "20000\n50000\n",
      "{\"cpu\":{\"quota\":20000,\"period\":50000}}"),
    .init(
      "cpu of zeros is as it was", "cpu/cpu.shares", "cpu/cpu.cfs_quota_us", says: "1024\n-1\n",
      "{\"cpu\":{\"shares\":0,\"quota\":0,\"period\":0}}"),
    .init("cpu.cpus and mems", "cpuset/cpuset.cpus", "cpuset/cpuset.mems", says: "0\n0\n", "{\"cpu\":{\"cpus\":\"0\",\"mems\":\"0\"}}"),
    .init("pids.limit", "pids/pids.max", says: "77\n", "{\"pids\":{\"limit\":77}}"),
    .init("pids without a limit", "pids/pids.max", says: "max\n", "{\"pids\":{\"limit\":-1}}"),
    .init("blockIO.weight", "blkio/blkio.bfq.weight", says: "321\n", "{\"blockIO\":{\"weight\":321}}"),
  ]

  private func outputs(_ container: RuntimeBundle, _ resources: String, _ files: [String]) throws -> (
    own: CommandResult, runc: CommandResult
  ) {
    var json = container.spec.json().object ?? [:]
    var linux = json["linux"]?.object ?? [:]
    linux["resources"] = try JSON(parsing: Array(resources.utf8))
    json["linux"] = .object(linux)
    var process = json["process"]?.object ?? [:]
    process["args"] = .strings(["sh", "-c", "cd /sys/fs/cgroup && cat \(files.joined(separator: " "))"])
    json["process"] = .object(process)
    try container.directory.write(String(decoding: JSON.object(json).encoded(), as: UTF8.self), to: "bundle/config.json")
    let own = try container("run", "-b", container.bundle, container.id)
    return (own, try Command.run("runc", ["--root", "\(container.root)-runc", "run", "-b", container.bundle, container.id]))
  }

  @Test("say what they were asked to, as under runc", arguments: fields)
  func field(_ field: Field) throws {
    let container = try RuntimeBundle("")
    let (own, runc) = try outputs(container, field.resources, field.files)
    #expect(own.stdout == field.expected, "\(own)")
    #expect(own.exit == runc.exit && own.stdout == runc.stdout, "\(own)\n\(runc)")
  }

  /// Debian's runc 1.1 doesn't know them.
  @Test("say what they were asked to, also where runc has no such field")
  func newer() throws {
    let container = try RuntimeBundle("")
    for (resources, file, expected) in [
      ("{\"cpu\":{\"quota\":20000,\"period\":50000,\"burst\":10000}}", "cpu/cpu.cfs_burst_us", "10000\n"),
      ("{\"cpu\":{\"idle\":1}}", "cpu/cpu.idle", "1\n"),
      ("{\"cpu\":{\"realtimePeriod\":500000}}", "cpu/cpu.rt_period_us", "500000\n"),
    ] {
      guard Files.exists("/sys/fs/cgroup/\(file)") else { continue }
      let (own, _) = try outputs(container, resources, [file])
      #expect(own.stdout == expected, "\(own)")
    }
  }

  /// The first disk of this machine, as /proc/partitions numbers it.
  private static let disk: String? = {
    for line in ((try? Files.readText("/proc/partitions")) ?? "").split(separator: "\n").dropFirst() {
      let fields = line.split(separator: " ")
      if fields.count == 4, fields[1] == "0" { return "\"major\":\(fields[0]),\"minor\":0" }
    }
    return nil
  }()

  @Test("limits of a disk's traffic are the same", .enabled(if: disk != nil, "needs a disk"))
  func throttles() throws {
    let disk = try #require(Self.disk)
    let container = try RuntimeBundle("")
    let kinds = ["throttleReadBpsDevice", "throttleWriteBpsDevice", "throttleReadIOPSDevice", "throttleWriteIOPSDevice"]
    let block = kinds.enumerated().map { "\"\($1)\":[{\(disk),\"rate\":\(1_000_000 + $0)}]" }.joined(separator: ",")
    let (own, runc) = try outputs(container, "{\"blockIO\":{\(block)}}", ["blkio/blkio.throttle.*_device"])
    #expect(own.exit == 0 && own.stdout == runc.stdout, "\(own)\n\(runc)")
    #expect((0..<4).allSatisfy { own.stdout.contains("\(1_000_000 + $0)") })
  }

  @Test("a disk's weight is had, or refused by the kernel, as under runc", .enabled(if: disk != nil, "needs a disk"))
  func weights() throws {
    let disk = try #require(Self.disk)
    let container = try RuntimeBundle("")
    let (own, runc) = try outputs(
      container, "{\"blockIO\":{\"weightDevice\":[{\(disk),\"weight\":222}]}}", ["blkio/blkio.bfq.weight_device"])
    #expect((own.exit == 0) == (runc.exit == 0) && own.stdout == runc.stdout, "\(own)\n\(runc)")
    if own.exit != 0 { #expect(own.stderr.contains("weight_device") && container.isGone) }
  }

  @Test(
    "what this machine has no controller for is refused in one line, and nothing is left",
    arguments: [
      ("{\"rdma\":{\"mlx4_0\":{\"hcaHandles\":1}}}", "rdma"), ("{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":0}]}", "hugetlb"),
      ("{\"network\":{\"classID\":1}}", "net_cls"),
      ("{\"network\":{\"priorities\":[{\"name\":\"lo\",\"priority\":1}]}}", "net_prio"),
      ("{\"unified\":{\"memory.high\":\"1\"}}", "unified"),
      ("{\"hugepageLimits\":[{\"pageSize\":\"../x\",\"limit\":0}]}", "page size"), ("{\"blockIO\":{\"leafWeight\":10}}", "leaf_weight"),
    ])
  func refused(resources: String, names: String) throws {
    let controller = names == "unified" || names == "page size" ? "" : names
    guard controller.isEmpty || !Files.exists("/sys/fs/cgroup/\(controller)/cgroup.procs") else { return }
    let container = try RuntimeBundle("")
    let (own, _) = try outputs(container, resources, ["pids/pids.max"])
    #expect(own.exit == 1 && own.stderr.contains(names) && own.stderr.split(separator: "\n").count == 1, "\(own)")
    #expect(container.isGone)
  }

  @Test(
    "shares that the kernel would take for others are refused, as by runc",
    .enabled(if: Files.exists("/sys/fs/cgroup/cpu/cpu.shares") && RuntimeBundle.canCompare, "needs cgroup v1 and runc"),
    arguments: [1, 262_145, 9_000_000_000])
  func shares(shares: Int) throws {
    let container = try RuntimeBundle("")
    let (own, runc) = try outputs(container, "{\"cpu\":{\"shares\":\(shares)}}", ["cpu/cpu.shares"])
    #expect(own.exit == 1 && own.stderr.contains("linux.resources.cpu.shares"), "\(own)")
    #expect(runc.exit == 1 && runc.stderr.contains("allowed cpu-shares"), "\(runc)")
    #expect(container.isGone)
  }

  @Test("update changes each limit in place, from options and from a document, as runc's does")
  func update() throws {
    let options = [
      "--memory", "100m", "--memory-swap", "200m", "--memory-reservation", "50m", "--cpu-share", "600", "--cpu-quota", "30000",
      "--cpu-period",
      "60000", "--cpuset-cpus", "0", "--cpuset-mems", "0", "--pids-limit", "44", "--blkio-weight", "400",
    ]
    let files = [
      "memory/memory.limit_in_bytes", "memory/memory.memsw.limit_in_bytes", "memory/memory.soft_limit_in_bytes", "cpu/cpu.shares",
      "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us", "cpuset/cpuset.cpus", "pids/pids.max", "blkio/blkio.bfq.weight",
    ]
    let container = try RuntimeBundle("sleep 100")
    try container.create()
    func values() throws -> [String] { try files.map { try Files.readText("/sys/fs/cgroup/\(Self.place($0, container.id))") } }
    #expect(try container(["update"] + options + [container.id]).exit == 0)
    let own = try values()
    #expect(own == ["104857600\n", "209715200\n", "52428800\n", "600\n", "30000\n", "60000\n", "0\n", "44\n", "400\n"])
    let document = """
      {"memory":{"limit":209715200,"swap":419430400},"cpu":{"shares":700,"quota":-1},"pids":{"limit":55},"blockIO":{"weight":300}}
      """
    #expect(try container(["update", "-r", "-", container.id], input: document).exit == 0)
    let updated = try values()
    #expect(updated == ["209715200\n", "419430400\n", "52428800\n", "700\n", "-1\n", "60000\n", "0\n", "55\n", "300\n"])
    try container.must("delete", "--force", container.id)
    let root = "\(container.root)-runc"
    let pid = "\(container.directory.path)/pid"
    let made = try Command.run("runc", ["--root", root, "create", "-b", container.bundle, "--pid-file", pid, container.id])
    #expect(made.exit == 0, "\(made)")
    defer { _ = try? Command.run("runc", ["--root", root, "delete", "--force", container.id]) }
    let changed = try Command.run("runc", ["--root", root, "update"] + options + [container.id])
    #expect(changed.exit == 0, "\(changed)")
    #expect(try values() == own)
  }

  private static func place(_ file: String, _ id: String) -> String {
    let parts = file.split(separator: "/", maxSplits: 1)
    return "\(parts[0])/\(id)/\(parts[1])"
  }
}
