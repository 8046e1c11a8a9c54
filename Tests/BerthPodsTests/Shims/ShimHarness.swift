import BerthCore
import BerthLinux
import BerthOCI
import BerthPods
import BerthRuntime
import BerthTestSupport
import Glibc
import Testing

/// What the tests of real shims need of the machine.
enum ShimMachine {
  /// Built next to the tests, or named by BERTH_SHIM.
  static let shim: String = {
    if let named = getenv("BERTH_SHIM") { return String(cString: named) }
    let tests = (try? Files.readLink("/proc/self/exe")) ?? ""
    return "\(Files.parent(of: tests))/berth-shim"
  }()
  static let busybox = "/bin/busybox"

  static let canRun = geteuid() == 0 && Files.exists(shim) && Files.exists(busybox)
  static let reason: Comment = "needs root, /bin/busybox (busybox-static) and berth-shim built beside the tests"

  /// Not by the pid alone, which another run in a PID namespace of its own may have too.
  private static let rootfsPath = "/tmp/berth-shim-test-\(ProcessControl.pid)-\(UInt32.random(in: 0 ... .max))-rootfs"

  /// A root file system with busybox, made once and removed when the tests end.
  static let rootfs: String = {
    let path = rootfsPath
    atexit { try? Files.removeTree(ShimMachine.rootfsPath) }
    for folder in ["bin", "proc", "dev", "sys", "etc", "tmp"] { try? Files.makeDirectories("\(path)/\(folder)", mode: 0o755) }
    try? ProgramFile.copy(busybox, to: "\(path)/bin/busybox")
    for name in ["sh", "sleep", "seq", "yes", "head", "cat", "hostname", "dd", "tail", "ls", "readlink", "id"] {
      _ = symlink("busybox", "\(path)/bin/\(name)")
    }
    return path
  }()

  /// Shims of the tests stay where the tests are.
  static let home = ShimHome(parent: "/berth-shim-test", daemon: [], report: { _ in })

  static func deadline(_ seconds: Int64 = 30) -> BootTime { .now.after(nanoseconds: seconds * 1_000_000_000) }

  /// In KiB, what a process has for itself alone: Private_Dirty without the program's own pages, which count as dirty until a freshly
  /// built file has reached the disk.
  static func privateKiB(_ pid: Int32) throws -> Int {
    let text = try Files.readText("/proc/\(pid)/smaps_rollup")
    let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("Anonymous:") })
    return try #require(Int(line.split(separator: " ")[1]))
  }
}

/// A pod's state folder with a real shim, seen through the daemon's side. Leaves nothing behind.
final class TestPod: Sendable {
  let uid: String
  let path: String
  let monitor: ShimMonitor
  let connection: ShimConnection
  let events: AsyncStream<ShimEvent>
  private let sendEvent: AsyncStream<ShimEvent>.Continuation
  /// Ends when the connection does.
  let closed: AsyncStream<Never>

  /// `folderName`: the last component of the state folder's path.
  init(folderName: String? = nil) throws {
    uid = "shim-test-\(ProcessControl.pid)-\(UInt32.random(in: 0 ... .max))"
    path = "/tmp/berth-\(folderName ?? uid)"
    try Files.makeDirectories(path)
    monitor = try ShimMonitor(home: ShimMachine.home)
    (events, sendEvent) = AsyncStream.makeStream(of: ShimEvent.self)
    let sendEvent = sendEvent
    let (closed, sendClosed) = AsyncStream.makeStream(of: Never.self)
    self.closed = closed
    connection = try monitor.spawn(
      shimPath: ShimMachine.shim, podDirectory: path, onEvent: { sendEvent.yield($0) }, onClosed: { sendClosed.finish() })
  }

  var folder: PodFolder { PodFolder(path) }
  var cgroup: String { "/berth-\(uid)" }

  var setup: SandboxSetup {
    SandboxSetup(podUID: uid, hostname: "testpod", network: .none, shmSize: 1 << 20, podCgroup: cgroup)
  }

  func ask(_ request: ShimRequest) async throws -> ShimReply { try await connection.request(request, deadline: ShimMachine.deadline()) }
  func state() async throws -> ShimState { try await connection.readState(deadline: ShimMachine.deadline()) }
  func identity() async throws -> ShimIdentity { try await connection.greet(deadline: ShimMachine.deadline()) }

  /// A second connection, as a new daemon makes it.
  func reconnect() throws -> ShimConnection {
    let sendEvent = sendEvent
    return try monitor.connect(podDirectory: path, onEvent: { sendEvent.yield($0) }, onClosed: {})
  }

  /// A start of `sh -c script`.
  func start(
    _ name: String, attempt: UInt32 = 0, script: String, log: LogTarget? = nil, edit: (inout RuntimeSpec) -> Void = { _ in }
  ) throws -> ContainerStart {
    var spec = RuntimeSpec()
    spec.root = RuntimeSpec.Root(path: ShimMachine.rootfs)
    var process = RuntimeSpec.Process(args: ["/bin/sh", "-c", script])
    process.env = ["PATH=/bin"]
    process.capabilities = RuntimeSpec.Capabilities(only: ContainerDefaults.capabilities)
    spec.process = process
    spec.mounts = ContainerDefaults.mounts(shm: folder.sharedMemory)
    var linux = RuntimeSpec.Linux()
    linux.namespaces = ContainerDefaults.podNamespaces
    linux.cgroupsPath = "\(cgroup)/\(name)"
    linux.resources = RuntimeSpec.Resources()
    spec.linux = linux
    edit(&spec)
    let bundle = folder.container(name)
    try Files.makeDirectories(bundle)
    try Files.writeAtomically(spec.json().encoded(), to: "\(bundle)/config.json")
    let launch = LaunchRequest(id: "\(uid)-\(name)-\(attempt)", bundle: bundle, rootfs: .directory(ShimMachine.rootfs))
    return ContainerStart(
      name: name, attempt: attempt, cgroup: "\(cgroup)/\(name)", launch: launch, log: log ?? LogTarget(path: logPath(name, attempt)))
  }

  func logPath(_ name: String, _ attempt: UInt32 = 0) -> String { "\(path)/logs/\(name)/\(attempt).log" }

  /// Sets the sandbox up and starts `sh -c script` without waiting in between.
  @discardableResult
  func run(
    _ name: String = "app", script: String, log: LogTarget? = nil, edit: (inout RuntimeSpec) -> Void = { _ in }
  ) async throws -> InitRecord {
    let ready = connection.send(.setUpSandbox(setup), deadline: ShimMachine.deadline())
    let started = connection.send(.start(try start(name, script: script, log: log, edit: edit)), deadline: ShimMachine.deadline())
    #expect(try await ready.value() == .ok)
    guard case .started(let record, _) = try await started.value() else { throw BerthError(.bug, "start", name, cause: "no record") }
    return record
  }

  /// The next exit of a container.
  func exit(of name: String = "app") async throws -> ExitRecord {
    for await case .exited(let container, let record) in events where container == name { return record }
    throw BerthError(.bug, "wait for exit", name, cause: "no events any more")
  }

  /// The contents of a container's log, without stamps: `stdout F text`.
  func log(_ name: String = "app") throws -> [String] {
    try Files.readText(logPath(name), limit: 1 << 28).split(separator: "\n").map { String($0.dropFirst(31)) }
  }

  /// Ends the pod, whatever runs in it, and removes its folder.
  func remove() async {
    for container in (try? await state())?.containers ?? [] {
      if case .exited = container.phase { continue }
      _ = try? await ask(.stop(container: container.name, signal: 9, graceMilliseconds: 0))
      while let now = try? await state()[container.name] { if case .exited = now.phase { break } }
    }
    if (try? await ask(.shutdown)) != nil { for await _ in closed {} }
    monitor.stop()
    try? Files.removeTree(path)
  }

  /// Calls `body` with a new pod that is removed afterwards.
  static func with(folderName: String? = nil, _ body: (TestPod) async throws -> Void) async throws {
    let pod = try TestPod(folderName: folderName)
    do { try await body(pod) } catch {
      await pod.remove()
      throw error
    }
    await pod.remove()
  }
}

/// Waits until the process behind a pidfd has ended.
func waitForEnd(_ pidfd: borrowing FD) throws {
  let ended = try Descriptors.waitReadable([pidfd.raw], timeout: .seconds(30))
  #expect(!ended.isEmpty, "the process lives on")
}
