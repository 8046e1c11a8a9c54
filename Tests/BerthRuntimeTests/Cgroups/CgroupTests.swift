import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime
import BerthTestSupport
import Glibc
import Testing

/// A group of a test's own, removed with it.
private final class Group {
  let group: Cgroup
  private let parent: Cgroup

  init(_ layout: CgroupLayout) throws {
    let name = "/berth-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    parent = try #require(Cgroup(name, in: layout))
    group = try #require(Cgroup("\(name)/pod/c", in: layout))
  }
  deinit {
    try? parent.killAll()
    try? parent.remove()
  }
}

/// The contract of both versions: on the machine's own layout, and where that is the hybrid one, on the v2 tree beside it, which has no
/// controllers but freezes, kills and counts processes.
@Suite(.enabled(if: Binaries.isRoot, "needs root"))
struct CgroupTests {
  static let layouts: [CgroupLayout] = {
    guard let own = try? CgroupLayout.detect() else { return [] }
    let unified = "/sys/fs/cgroup/unified"
    guard own.version == .v1, Files.exists("\(unified)/cgroup.procs") else { return [own] }
    return [own, CgroupLayout(version: .v2, hierarchies: [.init(mountPoint: unified, controllers: [])])]
  }()

  private func sleeper() throws -> pid_t {
    let null = try Files.open("/dev/null", O_RDWR)
    return try Spawn.start("/bin/sleep", arguments: ["sleep", "1000"], descriptors: [(0, null.raw), (1, null.raw), (2, null.raw)])
  }

  @Test("made, joined, frozen, killed and removed", arguments: layouts)
  func life(_ layout: CgroupLayout) throws {
    let own = try Group(layout)
    #expect(!own.group.exists())
    try own.group.create(RuntimeSpec.Resources())
    try own.group.create(RuntimeSpec.Resources())
    #expect(own.group.exists())
    let pid = try sleeper()
    try own.group.attach(pid)
    #expect(try own.group.processes() == [pid])
    #expect(throws: Errno.busy) { for directory in own.group.directories { try Files.removeDirectory(directory) } }
    try own.group.freeze()
    try own.group.thaw()
    try own.group.killAll()
    #expect((try? Children.wait(for: pid)) == .signaled(SIGKILL))
    try own.group.remove()
    try own.group.remove()
    try own.group.killAll()
    #expect(!own.group.exists())
    #expect(throws: BerthError.self) { try own.group.stats() }
  }

  @Test("a group that somebody else is just removing, one hierarchy after the other, has no process to kill", arguments: layouts)
  func killWhileRemoved(_ layout: CgroupLayout) throws {
    let own = try Group(layout)
    try own.group.create(RuntimeSpec.Resources())
    for directory in own.group.directories {
      if Files.exists(directory) { try Files.removeDirectory(directory) }
      try own.group.killAll()
    }
    #expect(!own.group.exists())
  }

  @Test("children are listed, and go with their parent", arguments: layouts)
  func children(_ layout: CgroupLayout) throws {
    let own = try Group(layout)
    try own.group.create(RuntimeSpec.Resources())
    let parent = try #require(Cgroup(Files.parent(of: own.group.path), in: layout))
    #expect(try parent.children() == ["c"])
    try parent.remove()
    #expect(!own.group.exists())
    #expect(try parent.children() == [])
  }

  @Test("many processes make groups under one parent at once", arguments: layouts)
  func concurrent(_ layout: CgroupLayout) async throws {
    let own = try Group(layout)
    let path = Files.parent(of: own.group.path)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for number in 0..<20 {
        tasks.addTask { try #require(Cgroup("\(path)/c\(number)", in: layout)).create(RuntimeSpec.Resources()) }
      }
      try await tasks.waitForAll()
    }
    #expect(try #require(Cgroup(path, in: layout)).children().count == 20)
  }

  @Test("a group whose maker was killed before its cpuset had CPUs is filled by the next one that makes a group in it")
  func halfMade() throws {
    let layout = try CgroupLayout.detect()
    guard layout.version == .v1, let cpuset = layout.hierarchies.first(where: { $0.controllers.contains("cpuset") }) else { return }
    let own = try Group(layout)
    let parent = Files.parent(of: own.group.path)
    try Files.makeDirectory(cpuset.mountPoint + Files.parent(of: parent), mode: 0o755)
    try Files.makeDirectory(cpuset.mountPoint + parent, mode: 0o755)
    try own.group.create(RuntimeSpec.Resources())
    let pid = try sleeper()
    defer { _ = try? Children.wait(for: pid) }
    defer { Children.kill(pid) }
    try own.group.attach(pid)
    #expect(try own.group.processes() == [pid])
  }

  @Test("limits are set, changed in place and read back")
  func limits() throws {
    let own = try Group(CgroupLayout.detect())
    var resources = RuntimeSpec.Resources()
    resources.memory.limit = 64 << 20
    resources.memory.swap = 64 << 20
    resources.cpu.quota = 50_000
    resources.cpu.period = 100_000
    resources.cpu.shares = 512
    resources.pids = 100
    try own.group.create(resources)
    #expect(try own.group.stats().memoryLimitBytes == 64 << 20)
    let pid = try sleeper()
    defer { _ = try? Children.wait(for: pid) }
    defer { Children.kill(pid) }
    try own.group.attach(pid)
    let files = try ControlGroup(of: Int64(pid))
    #expect(try files.cpuLimit() == "50000 100000")
    #expect(try files.read("pids", v1: "pids.max", v2: "pids.max") == "100")
    var change = RuntimeSpec.Resources()
    change.memory.limit = 128 << 20
    change.memory.swap = 128 << 20
    change.cpu.quota = -1
    change.pids = -1
    try own.group.update(change)
    #expect(try own.group.stats().memoryLimitBytes == 128 << 20)
    #expect(try files.cpuLimit().hasPrefix("-1") || files.cpuLimit().hasPrefix("max"))
    #expect(try files.read("pids", v1: "pids.max", v2: "pids.max") == "max")
    change.memory.limit = 32 << 20
    change.memory.swap = 32 << 20
    try own.group.update(change)
    #expect(try own.group.stats().memoryLimitBytes == 32 << 20)
    #expect(try own.group.stats().pids == 1)
  }

  @Test("a memory limit below what is in use is refused with the figure")
  func belowUsage() throws {
    let own = try Group(CgroupLayout.detect())
    try own.group.create(RuntimeSpec.Resources())
    let null = try Files.open("/dev/null", O_RDWR)
    // Starts in the group, holds 50 MB, says so, and stays.
    let procs = own.group.directories.map { "echo $$ > \($0)/cgroup.procs" }.joined(separator: ";")
    let directory = try TemporaryDirectory("usage")
    let fifo = "\(directory.path)/fifo"
    #expect(mkfifo(fifo, 0o600) == 0)
    let pid = try Spawn.start(
      "/bin/sh", arguments: ["sh", "-c", "\(procs); v=$(head -c 50000000 /dev/zero | tr '\\0' x); echo ready > \(fifo); read x < \(fifo)"],
      environment: ["PATH=/usr/bin:/bin"], descriptors: [(0, null.raw), (1, null.raw), (2, null.raw)])
    defer { _ = try? Children.wait(for: pid) }
    defer { Children.kill(pid) }
    #expect(try Files.open(fifo, O_RDONLY).read(upTo: 16).count == 6)
    var resources = RuntimeSpec.Resources()
    resources.memory.limit = 10 << 20
    resources.memory.swap = -1
    #expect { try own.group.update(resources) } throws: { error in
      guard let error = error as? BerthError else { return false }
      return error.code == .failedPrecondition && error.cause.contains("is below the")
    }
    #expect(own.group.exists() && kill(pid, 0) == 0)
  }

  @Test("paths that aren't a group's own are no groups")
  func paths() {
    let layout = CgroupLayout(version: .v2, hierarchies: [.init(mountPoint: "/x", controllers: [])])
    for path in ["", "/", "a", "/a/", "//a", "/a/../b", "/./a", "/a\nb", "/" + String(repeating: "a", count: 256)] {
      #expect(Cgroup(path, in: layout) == nil, "\(path)")
    }
    #expect(Cgroup("/berth/pod/c", in: layout)?.directories == ["/x/berth/pod/c"])
  }

  @Test("device rules become a program that the kernel takes", arguments: layouts.filter { $0.version == .v2 })
  func deviceProgram(_ layout: CgroupLayout) throws {
    let own = try Group(layout)
    var resources = RuntimeSpec.Resources()
    resources.devices = ContainerDefaults.deviceRules
    try own.group.create(resources)
    // In the group: null opens, kmsg (1:11) doesn't.
    let directory = try #require(own.group.directories.first)
    let script = "echo $$ > \(directory)/cgroup.procs; : < /dev/null && echo null; : < /dev/kmsg && echo kmsg"
    let result = try Command.run("/bin/sh", ["-c", script])
    #expect(result.stdout == "null\n", "\(result)")
    #expect(result.stderr.contains("Operation not permitted"))
  }
}
