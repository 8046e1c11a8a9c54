import BerthCore
import BerthLinux
import BerthPods
import BerthRuntime
import BerthTestSupport
import Glibc
import Testing

@Suite("Shim's life", .serialized, .enabled(if: ShimMachine.canRun, ShimMachine.reason))
struct ShimLifeTests {
  @Test("says who it is, in its files too")
  func identity() async throws {
    try await TestPod.with { pod in
      let identity = try await pod.identity()
      #expect(identity.version == ShimProtocol.version && identity.podUID.isEmpty)
      let facts = try PodFacts.read(pod.path)
      #expect(facts.shim?.pid == identity.pid && facts.isShimAlive && facts.containers.isEmpty && facts.problems.isEmpty)
      #expect(try Files.readText("/proc/\(identity.pid)/comm") == "berth-shim\n")
      #expect(try Files.read("/proc/\(identity.pid)/environ").isEmpty)
      #expect(try Files.readLink("/proc/\(identity.pid)/cwd") == "/")
      #expect(try Files.status(pod.folder.socket).permissions == 0o600)
    }
  }

  @Test("keeps no descriptor of whoever started it")
  func descriptors() async throws {
    let leak = open("/etc/passwd", O_RDONLY)
    defer { close(leak) }
    try await TestPod.with { pod in
      let pid = try await pod.identity().pid
      let targets = try Files.list("/proc/\(pid)/fd").compactMap { try? Files.readLink("/proc/\(pid)/fd/\($0)") }
      #expect(!targets.contains("/etc/passwd"))
      #expect(targets.filter { $0 == "/dev/null" }.count == 3)
      #expect(targets.count <= 8)
    }
  }

  @Test("a shim that nobody gave a pod ends with its last client")
  func idle() async throws {
    let pod = try TestPod()
    let shim = try ProcessControl.open(try await pod.identity().pid)
    pod.connection.close()
    try waitForEnd(shim)
    #expect(!Files.exists(pod.folder.socket) && !Files.exists(pod.folder.identity))
    await pod.remove()
  }

  @Test("signals that end other processes mean nothing to it")
  func signals() async throws {
    try await TestPod.with { pod in
      let pid = try await pod.identity().pid
      for signal in [SIGTERM, SIGHUP, SIGINT, SIGPIPE, SIGUSR1, SIGQUIT] { #expect(kill(pid, signal) == 0) }
      #expect(try await pod.identity().pid == pid)
    }
  }

  @Test("the sandbox has namespaces, hostname and mounts of its own, and the host sees none of them")
  func sandbox() async throws {
    try await TestPod.with { pod in
      var setup = pod.setup
      let volume = "\(pod.path)/volumes/cache"
      setup.tmpfs = [TmpfsVolume(path: volume, size: 1 << 20, mode: 0o2750, uid: 1000, gid: 2000)]
      #expect(try await pod.ask(.setUpSandbox(setup)) == .ok)
      let pid = try await pod.identity().pid
      for kind in ["mnt", "ipc", "uts", "net"] {
        #expect(try Files.readLink("/proc/\(pid)/ns/\(kind)") != Files.readLink("/proc/self/ns/\(kind)"), "\(kind)")
      }
      for kind in ["pid", "user", "cgroup"] {
        #expect(try Files.readLink("/proc/\(pid)/ns/\(kind)") == Files.readLink("/proc/self/ns/\(kind)"), "\(kind)")
      }
      #expect(try MountTable.lines(naming: pod.path) == [])
      let inside = try Files.readText("/proc/\(pid)/mountinfo").split(separator: "\n").filter { $0.contains(pod.path) }
      #expect(inside.count == 2)
      let status = try Files.status("/proc/\(pid)/root\(volume)")
      #expect(status.permissions == 0o2750 && status.uid == 1000 && status.gid == 2000)
      #expect(try Files.status("/proc/\(pid)/root\(pod.folder.sharedMemory)").permissions == 0o1777)
      #expect(try await pod.state() == ShimState(isSandboxReady: true, containers: []))
      #expect(try await pod.ask(.setUpSandbox(setup)) == .ok, "the same again is fine")
      await #expect(throws: BerthError.self) { try await pod.ask(.setUpSandbox(pod.setup)) }
    }
  }

  @Test("a pod on the host's network keeps it, with a hostname of its own")
  func hostNetwork() async throws {
    try await TestPod.with { pod in
      var setup = pod.setup
      setup.network = .host
      #expect(try await pod.ask(.setUpSandbox(setup)) == .ok)
      let pid = try await pod.identity().pid
      #expect(try Files.readLink("/proc/\(pid)/ns/net") == Files.readLink("/proc/self/ns/net"))
      #expect(try Files.readLink("/proc/\(pid)/ns/uts") != Files.readLink("/proc/self/ns/uts"))
    }
  }

  @Test("a sandbox that cannot be set up says why, and the shim can still be shut down")
  func brokenSandbox() async throws {
    try await TestPod.with { pod in
      var setup = pod.setup
      setup.tmpfs = [TmpfsVolume(path: "\(pod.path)/shim.pid/volume", size: 1, mode: 0o700, uid: 0, gid: 0)]
      let error = await #expect(throws: BerthError.self) { try await pod.ask(.setUpSandbox(setup)) }
      #expect(error?.subject == setup.tmpfs[0].path)
      let again = await #expect(throws: BerthError.self) { try await pod.ask(.setUpSandbox(pod.setup)) }
      #expect(again?.code == .failedPrecondition)
      let start = try pod.start("app", script: "exit 0")
      let refused = await #expect(throws: BerthError.self) { try await pod.ask(.start(start)) }
      #expect(refused?.code == .failedPrecondition)
    }
  }

  @Test("outlives the daemon that started it, and is found again")
  func daemonKilled() async throws {
    let uid = "shim-test-\(ProcessControl.pid)-\(UInt32.random(in: 0 ... .max))-orphan"
    let path = "/tmp/berth-\(uid)"
    try Files.makeDirectories(path)
    defer { try? Files.removeTree(path) }
    var peer: FD?
    let first = try PacketConnection.pair(peer: &peer)
    let theirs = peer.take()?.release() ?? -1
    // This shell is the daemon: it starts the shim and waits for it.
    let daemon = try Spawn.start(
      "/bin/sh", arguments: ["sh", "-c", "\(ShimMachine.shim) \(path) & wait"], descriptors: [(child: 3, parent: theirs)])
    close(theirs)
    let setup = SandboxSetup(podUID: uid, hostname: "x", network: .none, podCgroup: "/berth-\(uid)")
    try PacketConnection.send(ShimRequest.setUpSandbox(setup).encoded(id: 1), over: first)
    #expect(try !Descriptors.waitReadable([first.raw], timeout: .seconds(30)).isEmpty)
    kill(daemon, SIGKILL)
    var status: Int32 = 0
    waitpid(daemon, &status, 0)

    let facts = try PodFacts.read(path)
    let pid = try #require(facts.shim?.pid)
    #expect(facts.isShimAlive)
    let shim = try ProcessControl.open(pid)
    let monitor = try ShimMonitor(home: ShimMachine.home)
    let connection = try monitor.connect(podDirectory: path, onEvent: { _ in }, onClosed: {})
    #expect(try await connection.greet(deadline: ShimMachine.deadline()).podUID == uid)
    #expect(try await connection.request(.shutdown, deadline: ShimMachine.deadline()) == .ok)
    try waitForEnd(shim)
    monitor.stop()
    #expect(throws: BerthError.self) {
      try ShimMonitor(home: ShimMachine.home).connect(podDirectory: path, onEvent: { _ in }, onClosed: {})
    }
  }

  @Test("a state folder may lie deeper than a socket's address is long")
  func longPath() async throws {
    let top = "shim-test-deep-\(UInt32.random(in: 0 ... .max))"
    let deep = (0..<6).map { _ in String(repeating: "d", count: 60) }.joined(separator: "/")
    try await TestPod.with(folderName: "\(top)/\(deep)") { pod in
      let pid = try await pod.identity().pid
      let again = try pod.reconnect()
      #expect(try await again.greet(deadline: ShimMachine.deadline()).pid == pid)
      again.close()
    }
    try Files.removeTree("/tmp/berth-\(top)")
  }

  @Test("after shutdown no process, mount, file or descriptor is left")
  func shutdown() async throws {
    let descriptors = try Files.list("/proc/self/fd").count
    for _ in 0..<3 {
      let pod = try TestPod()
      #expect(try await pod.ask(.setUpSandbox(pod.setup)) == .ok)
      let shim = try ProcessControl.open(try await pod.identity().pid)
      #expect(try await pod.ask(.shutdown) == .ok)
      try waitForEnd(shim)
      for await _ in pod.closed {}
      #expect(try Files.list(pod.path).isEmpty)
      #expect(try MountTable.lines(naming: pod.path) == [])
      await pod.remove()
    }
    // The monitors' threads close theirs when they have ended, and so do the tests that run beside this one.
    for _ in 0..<6000 where try Files.list("/proc/self/fd").count > descriptors { try await Task.sleep(for: .milliseconds(10)) }
    #expect(try Files.list("/proc/self/fd").count <= descriptors)
  }

  @Test("answers that don't come are given up at their deadline")
  func deadline() async throws {
    try await TestPod.with { pod in
      let pid = try await pod.identity().pid
      kill(pid, SIGSTOP)
      let error = await #expect(throws: BerthError.self) {
        try await pod.connection.request(.state, deadline: BootTime.now.after(nanoseconds: 20_000_000))
      }
      #expect(error?.code == .deadlineExceeded)
      kill(pid, SIGCONT)
      #expect(try await pod.identity().pid == pid)
    }
  }

  @Test("requests that wait when the shim dies fail at once, and its folder tells what was")
  func shimKilled() async throws {
    let pod = try TestPod()
    let pid = try await pod.identity().pid
    kill(pid, SIGSTOP)
    let waiting = pod.connection.send(.state, deadline: ShimMachine.deadline(3600))
    kill(pid, SIGKILL)
    let error = await #expect(throws: BerthError.self) { try await waiting.value() }
    #expect(error?.code == .unavailable)
    for await _ in pod.closed {}
    let facts = try PodFacts.read(pod.path)
    #expect(facts.shim?.pid == pid && !facts.isShimAlive)
    let refused = #expect(throws: BerthError.self) { try pod.reconnect() }
    #expect(refused?.code == .unavailable)
    await pod.remove()
  }
}
