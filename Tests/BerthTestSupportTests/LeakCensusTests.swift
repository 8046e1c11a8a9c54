import BerthCore
import BerthLinux
import BerthTestSupport
import Glibc
import Testing

/// The census is a net; each test here leaves something behind on purpose and the net must hold it.
@Suite("the leak census", .serialized, .enabled(if: Binaries.isRoot, "mounts and cgroups need root"))
struct LeakCensusTests {
  /// What one kind's count gained.
  private func gained(_ kind: LeakCensus.Kind, since before: LeakCensus, directories: [String] = [], pid: pid_t? = nil) throws -> [String] {
    try LeakCensus.take(directories: directories, descriptorsOf: pid).leaks(since: before).filter { $0.kind == kind }.map(\.name)
  }

  @Test("a mount that stays is caught, and is gone from the count when unmounted")
  func mount() throws {
    let directory = try TemporaryDirectory("census")
    let before = try LeakCensus.take()
    #expect(Glibc.mount("tmpfs", directory.path, "tmpfs", 0, "size=64k") == 0)
    #expect(try gained(.mount, since: before).contains { $0.hasPrefix("\(directory.path) (tmpfs tmpfs)") })
    #expect(umount(directory.path) == 0)
    #expect(try !gained(.mount, since: before).contains { $0.hasPrefix(directory.path) })
  }

  @Test("a second mount on the same place is caught")
  func stackedMount() throws {
    let directory = try TemporaryDirectory("census")
    #expect(Glibc.mount("tmpfs", directory.path, "tmpfs", 0, "size=64k") == 0)
    defer { umount(directory.path) }
    let before = try LeakCensus.take()
    #expect(Glibc.mount("tmpfs", directory.path, "tmpfs", 0, "size=64k") == 0)
    #expect(try gained(.mount, since: before).contains { $0.hasPrefix(directory.path) })
    #expect(umount(directory.path) == 0)
  }

  @Test("a cgroup that stays is caught in whichever hierarchy it is", .enabled(if: !hierarchies.isEmpty, "no cgroup hierarchy is writable"))
  func cgroup() throws {
    for hierarchy in Self.hierarchies {
      let before = try LeakCensus.take()
      let path = "\(hierarchy)/berth-census-\(getpid())/inner"
      try Files.makeDirectories(path, mode: 0o755)
      defer {
        rmdir(path)
        rmdir(Files.parent(of: path))
      }
      let found = try gained(.cgroup, since: before)
      #expect(found.contains(path), "in \(hierarchy)")
    }
  }

  static let hierarchies: [String] = {
    let mounts = (try? Files.readText("/proc/self/mounts")) ?? ""
    return mounts.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ")
      guard fields.count > 2, fields[2].hasPrefix("cgroup"), access(String(fields[1]), W_OK) == 0 else { return nil }
      return String(fields[1])
    }
  }()

  @Test("a process in a mount namespace of its own is caught, its children too")
  func process() throws {
    let before = try LeakCensus.take()
    let pid = try Spawn.start(
      Command.locate("unshare"), arguments: ["unshare", "--mount", "sh", "-c", "sleep 1000 & wait"], environment: Command.environment,
      newSession: true)
    defer {
      kill(-pid, SIGKILL)
      Children.wait(for: pid, deadline: .seconds(5))
    }
    try eventually("shell and sleep are caught") {
      let names = try gained(.process, since: before)
      return names.contains { $0.hasSuffix(" sh") } && names.contains { $0.hasSuffix(" sleep") }
    }
  }

  @Test("a process with one of Berth's names is caught")
  func berthProcess() throws {
    let directory = try TemporaryDirectory("census")
    let program = "\(directory.path)/berth-shim"
    try ProgramFile.copy("sleep", to: program)
    let before = try LeakCensus.take()
    let pid = try Spawn.start(program, arguments: ["berth-shim", "1000"], environment: Command.environment)
    defer {
      kill(pid, SIGKILL)
      Children.wait(for: pid, deadline: .seconds(5))
    }
    #expect(try gained(.process, since: before).contains { $0.hasSuffix(" berth-shim") })
  }

  @Test("a child that nobody reaped is caught")
  func zombie() throws {
    let directory = try TemporaryDirectory("census")
    let program = "\(directory.path)/berth-worker"
    try ProgramFile.copy("true", to: program)
    let before = try LeakCensus.take()
    let pid = try Spawn.start(program, arguments: ["berth-worker"], environment: Command.environment)
    var info = siginfo_t()
    #expect(waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) == 0)
    #expect(try gained(.process, since: before).contains { $0.hasSuffix(" berth-worker") })
    #expect(Children.wait(for: pid, deadline: .seconds(5)) == .exited(0))
  }

  @Test("a network namespace and a link in it are caught by the process that holds them")
  func networkNamespace() throws {
    let before = try LeakCensus.take()
    let pid = try Spawn.start(
      Command.locate("unshare"), arguments: ["unshare", "--net", "sleep", "1000"], environment: Command.environment)
    defer {
      kill(pid, SIGKILL)
      Children.wait(for: pid, deadline: .seconds(5))
    }
    try eventually("the namespace is caught") { try !gained(.networkNamespace, since: before).isEmpty }
  }

  @Test("a file below root or state that stays is caught, however deep")
  func file() throws {
    let directory = try TemporaryDirectory("census")
    let before = try LeakCensus.take(directories: [directory.path])
    try directory.write("", to: "pods/1234/exit")
    let found = try gained(.file, since: before, directories: [directory.path])
    #expect(found == ["\(directory.path)/pods", "\(directory.path)/pods/1234", "\(directory.path)/pods/1234/exit"])
  }

  @Test("a descriptor that a daemon keeps is caught")
  func descriptor() throws {
    let directory = try TemporaryDirectory("census")
    let path = try directory.write("", to: "kept")
    let before = try LeakCensus.take(descriptorsOf: getpid())
    let kept = try Files.open(path, O_RDONLY)
    #expect(try gained(.descriptor, since: before, pid: getpid()).contains("\(path) #1"))
    _ = consume kept
  }

  @Test("nothing new means no leak")
  func nothing() throws {
    let directory = try TemporaryDirectory("census")
    try directory.write("", to: "there/before")
    let before = try LeakCensus.take(directories: [directory.path])
    #expect(try gained(.file, since: before, directories: [directory.path]).isEmpty)
  }
}
