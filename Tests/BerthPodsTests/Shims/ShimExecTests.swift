import BerthCore
import BerthLinux
import BerthOCI
import BerthPods
import BerthRuntime
import Glibc
import Testing

/// A client of sessions, as the CLI is one.
struct SessionClient: ~Copyable {
  let socket: FD

  init(_ pod: TestPod, _ request: ExecRequest, container: String = "app", timeoutMilliseconds: UInt64 = 0) async throws {
    let reply = try await pod.ask(
      .exec(container: container, timeoutMilliseconds: timeoutMilliseconds, request: request.json().encoded()))
    guard case .session(let name) = reply else { throw BerthError(.bug, "exec", container, cause: "no session") }
    socket = try PacketConnection.connect(in: pod.path, name: name)
  }

  func send(_ message: SessionMessage, passing descriptors: [Int32] = []) throws {
    try PacketConnection.send(message.encoded(), passing: descriptors, over: socket)
  }

  /// The next message, and the descriptor that came with it.
  func receive(terminal: inout FD?) throws -> SessionMessage? {
    guard try !Descriptors.waitReadable([socket.raw], timeout: .seconds(30)).isEmpty else {
      throw BerthError(.deadlineExceeded, "exec", cause: "the shim says nothing")
    }
    var buffer = [UInt8](repeating: 0, count: SessionMessage.maxPacket)
    var passed = PassedDescriptors()
    let received = try buffer.withUnsafeMutableBytes { try PacketConnection.receive(into: $0, from: socket, passed: &passed) }
    guard case .message(let count) = received else { return nil }
    terminal = passed.takeFirst()
    return try SessionMessage(packet: Array(buffer[..<count]))
  }

  func receive() throws -> SessionMessage? {
    var terminal: FD?
    return try receive(terminal: &terminal)
  }
}

extension TestPod {
  /// `sh -c script` in a container of `run`.
  func execRequest(_ script: String, in name: String = "app") -> ExecRequest {
    ExecRequest(id: "\(uid)-\(name)-0", bundle: folder.container(name), arguments: ["sh", "-c", script])
  }

  /// Runs it with output to a pipe: how it ended and what it wrote.
  func exec(_ request: ExecRequest, stdin: Int32? = nil) async throws -> (SessionMessage?, String) {
    let client = try await SessionClient(self, request)
    let pipe = try ChildChannel.pipe()
    let null = try Files.openNull()
    try client.send(.begin, passing: [stdin ?? null.raw, pipe.child.raw, pipe.child.raw])
    let reader = pipe.keepOurs()
    let first = try client.receive()
    guard case .running = first else { return (first, "") }
    let last = try client.receive()
    return (last, String(decoding: try reader.readAll(limit: 1 << 24), as: UTF8.self))
  }
}

@Suite("Shim's exec", .serialized, .enabled(if: ShimMachine.canRun, ShimMachine.reason))
struct ShimExecTests {
  @Test("a command runs inside the container: its processes, its root, its cgroup; output and exit code come back")
  func runs() async throws {
    try await TestPod.with { pod in
      let record = try await pod.run(script: "exec sleep 1000")
      let kinds = ["mnt", "pid", "cgroup", "net", "ipc", "uts"]
      let script = kinds.map { "readlink /proc/self/ns/\($0)" }.joined(separator: "; ") + "; echo err >&2; cat /proc/1/comm; exit 42"
      let (end, output) = try await pod.exec(pod.execRequest(script))
      #expect(end == .ended(exitCode: 42, signal: nil))
      let own = try kinds.map { try Files.readLink("/proc/\(record.process.pid)/ns/\($0)") }
      #expect(output.split(separator: "\n").map(String.init) == own + ["err", "sleep"])
      #expect(try await pod.state()["app"]?.phase == .running(record))
    }
  }

  @Test("a process that is executed has no more rights than the container: capabilities, and none inherited")
  func rights() async throws {
    try await TestPod.with { pod in
      try await pod.run(script: "exec sleep 1000") { $0.process?.capabilities = .init(only: ["CAP_CHOWN", "CAP_KILL"]) }
      let script = "while read a b; do case $a in Cap*|NoNew*) echo $a $b;; esac; done < /proc/self/status"
      let (_, output) = try await pod.exec(pod.execRequest(script))
      let lines = output.split(separator: "\n").map(String.init)
      #expect(lines.contains("CapBnd: 0000000000000021") && lines.contains("CapPrm: 0000000000000021"))
      #expect(lines.contains("CapInh: 0000000000000000") && lines.contains("CapAmb: 0000000000000000"))
    }
  }

  @Test("environment, directory and user are the container's, or those asked for")
  func attributes() async throws {
    try await TestPod.with { pod in
      try await pod.run(script: "exec sleep 1000") { $0.process?.env += ["A=container", "B=container"] }
      var request = pod.execRequest("echo $A $B $HOME $(id -u):$(id -g); pwd")
      #expect(try await pod.exec(request).1 == "container container / 0:0\n/\n")
      request.environment = ["A=mine=x"]
      request.workingDirectory = "/tmp"
      request.user = "1000:2000"
      #expect(try await pod.exec(request).1 == "mine=x container / 1000:2000\n/tmp\n")
      request.user = "nobody-there"
      guard case .failed(let error) = try await pod.exec(request).0 else { throw BerthError(.bug, "exec", cause: "it ran") }
      #expect("\(error)".contains("nobody-there") && ContainerLauncher.exitCode(for: error) == nil)
    }
  }

  @Test("a command that isn't there is 127, one that can't be executed 126; the container isn't touched")
  func cannotRun() async throws {
    try await TestPod.with { pod in
      let record = try await pod.run(script: "exec sleep 1000")
      for (command, code) in [("/bin/nothing", Int32(127)), ("nothing", 127), ("/etc", 126)] {
        var request = pod.execRequest("")
        request.arguments = [command]
        guard case .failed(let error) = try await pod.exec(request).0 else { throw BerthError(.bug, "exec", cause: "it ran") }
        #expect(ContainerLauncher.exitCode(for: error) == code, "\(command)")
      }
      #expect(try await pod.state()["app"]?.phase == .running(record))
    }
  }

  @Test("standard input reaches the command, and its end ends it")
  func input() async throws {
    try await TestPod.with { pod in
      try await pod.run(script: "exec sleep 1000")
      let pipe = try ChildChannel.pipe()
      try pipe.child.writeAll(Array("to the container".utf8))
      let request = pod.execRequest("cat")
      let reader = pipe.keepOurs()
      let (end, output) = try await pod.exec(request, stdin: reader.raw)
      #expect(end == .ended(exitCode: 0, signal: nil) && output == "to the container")
    }
  }

  @Test("a terminal: made in the container, its size set, its other side handed to the client")
  func terminal() async throws {
    try await TestPod.with { pod in
      try await pod.run(script: "exec sleep 1000")
      var request = pod.execRequest("stty size; readlink /proc/self/fd/0; read line; echo got $line; exit 3")
      request.arguments[0] = "/bin/busybox"
      request.arguments.insert("sh", at: 1)
      request.arguments[3] = "busybox stty size; readlink /proc/self/fd/0; read line; echo got $line; exit 3"
      request.terminal = .init(rows: 33, columns: 77)
      let client = try await SessionClient(pod, request)
      try client.send(.begin)
      var passed: FD?
      guard case .running = try client.receive(terminal: &passed), let terminal = passed.take() else {
        throw BerthError(.bug, "exec", cause: "no terminal")
      }
      try terminal.writeAll(Array("words\n".utf8))
      #expect(try client.receive() == .ended(exitCode: 3, signal: nil))
      var text: [UInt8] = []
      while let more = try? terminal.read(upTo: 4096), !more.isEmpty { text += more }
      let lines = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
      #expect(lines.contains("33 77") && lines.contains { $0.hasPrefix("/dev/pts/") } && lines.last == "got words")
    }
  }

  @Test("signals reach the process; a time limit kills it and all that it started in its session")
  func signalsAndTimeLimit() async throws {
    try await TestPod.with { pod in
      try await pod.run(script: "exec sleep 1000")
      let client = try await SessionClient(pod, pod.execRequest("trap 'exit 9' USR1; echo ready; while :; do sleep 1000 & wait; done"))
      let pipe = try ChildChannel.pipe()
      try client.send(.begin, passing: [pipe.child.raw, pipe.child.raw, pipe.child.raw])
      _ = try client.receive()
      #expect(try pipe.ours.read(upTo: 100) == Array("ready\n".utf8))
      try client.send(.signal(SIGUSR1))
      #expect(try client.receive() == .ended(exitCode: 9, signal: nil))

      let limited = try await SessionClient(pod, pod.execRequest("sleep 2000 & sleep 3000"), timeoutMilliseconds: 300)
      let null = try Files.openNull()
      try limited.send(.begin, passing: [null.raw, null.raw, null.raw])
      guard case .running = try limited.receive() else { throw BerthError(.bug, "exec", cause: "it didn't run") }
      guard case .failed(let error) = try limited.receive() else { throw BerthError(.bug, "exec", cause: "it went on") }
      #expect(error.code == .deadlineExceeded)
      // The looking one's own command line has the numbers otherwise.
      let look = pod.execRequest("cat /proc/[0-9]*/cmdline | busybox tr '\\0' '\\n' | busybox grep -cx '[23]000'")
      var left = ""
      for _ in 0..<1000 where left != "0\n" {
        left = try await pod.exec(look).1
        if left != "0\n" { try await Task.sleep(for: .milliseconds(10)) }
      }
      #expect(left == "0\n", "what the session had started lives on")
    }
  }

  @Test("the end of the container ends what was executed in it, and the client hears of it")
  func containerEnds() async throws {
    try await TestPod.with { pod in
      try await pod.run(script: "exec sleep 1000")
      let client = try await SessionClient(pod, pod.execRequest("sleep 1000"))
      let null = try Files.openNull()
      try client.send(.begin, passing: [null.raw, null.raw, null.raw])
      guard case .running = try client.receive() else { throw BerthError(.bug, "exec", cause: "it didn't run") }
      _ = try await pod.ask(.stop(container: "app", signal: SIGKILL, graceMilliseconds: 0))
      #expect(try client.receive() == .ended(exitCode: 137, signal: 9))
      _ = try await pod.exit()
      let error = await #expect(throws: BerthError.self) { _ = try await SessionClient(pod, pod.execRequest("true")) }
      #expect(error?.code == .failedPrecondition)
    }
  }

  @Test("a session's socket serves one client: who comes second is turned away, or finds nothing")
  func oneTime() async throws {
    try await TestPod.with { pod in
      try await pod.run(script: "exec sleep 1000")
      let request = ShimRequest.exec(container: "app", timeoutMilliseconds: 0, request: pod.execRequest("true").json().encoded())
      guard case .session(let name) = try await pod.ask(request) else { throw BerthError(.bug, "exec", cause: "no session") }
      let first = try PacketConnection.connect(in: pod.path, name: name)
      if let second = try? PacketConnection.connect(in: pod.path, name: name) {
        #expect(try !Descriptors.waitReadable([second.raw], timeout: .seconds(30)).isEmpty)
        var buffer = [UInt8](repeating: 0, count: 64)
        #expect(try buffer.withUnsafeMutableBytes { try PacketConnection.receive(into: $0, from: second) } == .closed)
      }
      let null = try Files.openNull()
      try PacketConnection.send(SessionMessage.begin.encoded(), passing: [null.raw, null.raw, null.raw], over: first)
      #expect(try !Descriptors.waitReadable([first.raw], timeout: .seconds(30)).isEmpty)
      #expect(throws: Errno.self) { _ = try PacketConnection.connect(in: pod.path, name: name) }
    }
  }

  @Test("many sessions at once, some left by their clients, all end and leave nothing")
  func storm() async throws {
    try await TestPod.with { pod in
      try await pod.run(script: "exec sleep 1000")
      let results = try await withThrowingTaskGroup(of: SessionMessage?.self) { group in
        for number in 0..<100 { group.addTask { try await pod.exec(pod.execRequest("exit \(number % 50)")).0 } }
        return try await group.reduce(into: [SessionMessage?]()) { $0.append($1) }
      }
      for code in Int32(0)..<50 { #expect(results.filter { $0 == .ended(exitCode: code, signal: nil) }.count == 2, "\(code)") }
      for _ in 0..<20 { _ = try await SessionClient(pod, pod.execRequest("true")) }
      for _ in 0..<500 {
        if try !Files.list(pod.path).contains(where: { $0.hasPrefix("session.") }) { break }
        try await Task.sleep(for: .milliseconds(10))
      }
      #expect(try !Files.list(pod.path).contains { $0.hasPrefix("session.") })
      let cgroup = try #require(Cgroup("\(pod.cgroup)/app", in: try CgroupLayout.detect()))
      #expect(try cgroup.processes().count == 1)
    }
  }
}
