import BerthCore
import BerthLinux
import BerthPods
import BerthRuntime
import BerthTestSupport
import Glibc
import Testing

/// A client that keeps to no rule.
private struct RawClient: ~Copyable {
  let socket: FD

  init(_ pod: TestPod) throws { socket = try PacketConnection.connect(in: pod.path, name: ShimProtocol.socketName) }

  func send(_ bytes: [UInt8]) throws { try PacketConnection.send(bytes, over: socket) }

  /// The next answer; nil once the shim has hung up.
  func receive() throws -> ShimReply? {
    _ = try Descriptors.waitReadable([socket.raw], timeout: .seconds(30))
    var buffer = [UInt8](repeating: 0, count: ShimProtocol.maxPacket)
    let received = try buffer.withUnsafeMutableBytes { try PacketConnection.receive(into: $0, from: socket) }
    guard case .message(let count) = received else { return nil }
    let packet = Array(buffer[..<count])
    return try ShimHeader(packet).flatMap { try ShimReply($0, packet: packet) }
  }
}

@Suite("Shim's clients", .serialized, .enabled(if: ShimMachine.canRun, ShimMachine.reason))
struct ShimHostileClientTests {
  private func code(_ reply: ShimReply?) -> ErrorCode? { if case .error(let error) = reply { error.code } else { nil } }

  @Test("what a shim doesn't know or won't read is answered with an error, and the client may go on")
  func refusals() async throws {
    try await TestPod.with { pod in
      _ = try await pod.identity()
      let client = try RawClient(pod)
      try client.send([1, 0x3F, 9, 0, 0, 0, 0, 0, 0, 0])
      #expect(code(try client.receive()) == .unsupported)
      try client.send([0x7F, 0x06, 9, 0, 0, 0, 0, 0, 0, 0])
      #expect(code(try client.receive()) == .unsupported)
      try client.send([1, 0x01, 9, 0, 0, 0, 2, 0, 0, 0, 0x70, 0x71])
      #expect(code(try client.receive()) == .unsupported)
      try client.send([1, 0x04, 9, 0, 0, 0])
      #expect(code(try client.receive()) == .invalidArgument)
      try client.send([1, 0x03, 9, 0, 0, 0] + [UInt8](repeating: 0xFF, count: 100))
      #expect(code(try client.receive()) == .invalidArgument)
      try client.send([UInt8](repeating: 1, count: ShimProtocol.maxPacket + 1))
      #expect(code(try client.receive()) == .invalidArgument)
      try client.send(ShimRequest.stop(container: "none", signal: 15, graceMilliseconds: 0).encoded(id: 1))
      #expect(code(try client.receive()) == .notFound)
      try client.send(ShimRequest.state.encoded(id: 2))
      #expect(try client.receive() == .state(ShimState(isSandboxReady: false, containers: [])))
    }
  }

  @Test("a packet too short for an answer costs the connection, nobody else's")
  func tooShort() async throws {
    try await TestPod.with { pod in
      _ = try await pod.identity()
      let client = try RawClient(pod)
      try client.send([1, 2, 3])
      #expect(try client.receive() == nil)
      _ = try await pod.identity()
    }
  }

  @Test("random bytes and random changes to valid requests harm nobody")
  func fuzz() async throws {
    try await TestPod.with { pod in
      let pid = try await pod.identity().pid
      var random = SeededGenerator(seed: 20_260_101)
      let seeds = [
        ShimRequest.hello(minVersion: 1, maxVersion: 1).encoded(id: 1), ShimRequest.state.encoded(id: 2),
        ShimRequest.stop(container: "app", signal: 15, graceMilliseconds: 1).encoded(id: 3),
        ShimRequest.signal(container: "app", signal: 1).encoded(id: 4),
        ShimRequest.start(try pod.start("app", script: "exit 0")).encoded(id: 5),
      ]
      var client: RawClient? = try RawClient(pod)
      for _ in 0..<3000 {
        var bytes = seeds[Int(random.next() % UInt64(seeds.count))]
        if random.next() % 8 == 0 { bytes = (0..<Int(random.next() % 300)).map { _ in UInt8(truncatingIfNeeded: random.next()) } }
        for _ in 0..<random.next() % 4 where !bytes.isEmpty {
          bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
        }
        // A shutdown would be obeyed.
        if bytes.count > 1, bytes[1] == 7 { continue }
        guard (try? client?.send(bytes)) != nil, try client?.receive() != nil else {
          client = try RawClient(pod)
          continue
        }
      }
      client = nil
      #expect(try await pod.identity().pid == pid)
    }
  }

  @Test("a client that doesn't read is dropped, the others are served")
  func stalled() async throws {
    try await TestPod.with { pod in
      _ = try await pod.identity()
      let client = try RawClient(pod)
      let request = ShimRequest.state.encoded(id: 1)
      var isDropped = false
      for _ in 0..<10_000 where !isDropped {
        do { try client.send(request) } catch let error as Errno {
          // A full socket: the shim is given the time of one answer.
          if error == .again { _ = try await pod.identity() } else { isDropped = true }
        }
      }
      #expect(isDropped)
      _ = try await pod.identity()
    }
  }

  @Test("more than eight clients are turned away, and room is made when one goes")
  func tooMany() async throws {
    try await TestPod.with { pod in
      _ = try await pod.identity()
      var clients = try (0..<7).map { _ in try pod.reconnect() }
      for client in clients { _ = try await client.greet(deadline: ShimMachine.deadline()) }
      let ninth = try pod.reconnect()
      let error = await #expect(throws: BerthError.self) { try await ninth.greet(deadline: ShimMachine.deadline()) }
      #expect(error?.code == .unavailable)
      clients.removeLast().close()
      // The shim may see who comes before it sees who went.
      var next: ShimConnection?
      for _ in 0..<1000 where next == nil {
        _ = try await pod.identity()
        let client = try pod.reconnect()
        if (try? await client.greet(deadline: ShimMachine.deadline())) != nil { next = client }
      }
      #expect(next != nil)
      for client in clients + [next].compactMap({ $0 }) { client.close() }
    }
  }

  @Test("a shim keeps nothing that it didn't start, and gives no descriptor of its own away for it")
  func keep() async throws {
    try await TestPod.with { pod in
      let record = try await pod.run(script: "while true; do sleep 1; done")
      var kept = KeptContainer(name: "app", process: record, cgroup: "\(pod.cgroup)/app", log: LogTarget(path: pod.logPath("app")))
      for handle: Int32? in [nil, 3, 5] {
        kept.handle = handle
        let request = ShimRequest.keep(kept)
        let error = await #expect(throws: BerthError.self) { try await pod.ask(request) }
        #expect(error?.code == .failedPrecondition)
      }
      #expect(try await pod.state()["app"]?.phase == .running(record))
    }
  }
}
