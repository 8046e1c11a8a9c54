import BerthCore
import BerthLinux
import Synchronization
import Testing

@testable import BerthServer

/// The real server on a socket in a temporary folder, spoken to byte by byte.
@Suite("the API's socket")
struct APIServerTests {
  private static func router() -> Router {
    var router = Router()
    router.on("GET", "/hello") { _, _ throws(BerthError) in .text("hello\n") }
    router.on("POST", "/change") { request, _ throws(BerthError) in .text("\(request.body.count)\n") }
    return router
  }

  private static func withServer(
    router: Router = router(), patience: Duration = RequestDeadline.patience,
    audit: @escaping @Sendable (APIServer.Peer, APIRequest) -> Void = { _, _ in },
    _ body: @escaping @Sendable (String) throws -> Void
  ) async throws {
    let folder = "/tmp/berth-api-\(ProcessControl.pid)-\(UInt32.random(in: 0 ... .max))"
    try Files.makeDirectory(folder)
    defer { try? Files.removeTree(folder) }
    let server = try await APIServer(address: "\(folder)/api.sock", gid: nil, router: router, patience: patience, audit: audit)
    let serving = Task { await server.run() }
    // Blocking calls: on a thread of their own.
    let result: Result<Void, any Error> = await withCheckedContinuation { continuation in
      Threads.start("client") { continuation.resume(returning: Result { try body("\(folder)/api.sock") }) }
    }
    serving.cancel()
    await serving.value
    try result.get()
  }

  private static func ask(_ address: String, _ request: String) throws -> String {
    let connection = try StreamSocket.connect(address)
    try connection.writeAll(Array(request.utf8))
    return try everything(from: connection)
  }

  private static func everything(from connection: borrowing FD) throws -> String {
    var answer: [UInt8] = []
    while true {
      let bytes = try connection.read(upTo: 65536)
      if bytes.isEmpty { return String(decoding: answer, as: UTF8.self) }
      answer += bytes
    }
  }

  @Test("who asks for a change is told to the audit: pid and user, as the kernel knows them; who only looks isn't")
  func audit() async throws {
    let seen = Seen()
    try await Self.withServer(audit: { peer, request in seen.add("\(peer.pid) \(peer.uid) \(request.method) \(request.path)") }) {
      address in
      _ = try Self.ask(address, "GET /hello HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n")
      let answer = try Self.ask(address, "POST /change HTTP/1.1\r\nhost: b\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc")
      #expect(answer.hasSuffix("3\n"))
    }
    #expect(seen.all == ["\(ProcessControl.pid) \(ProcessControl.effectiveUser) POST [\"change\"]"])
  }

  @Test("what is no HTTP, heads without end and bodies over the bound are refused, and the next client is served")
  func hostile() async throws {
    try await Self.withServer { address in
      let endless = String(repeating: "x-y: \(String(repeating: "z", count: 1000))\r\n", count: 2000)
      for request in ["\u{0}\u{1}nonsense\r\n\r\n", "GET /hello HTTP/1.1\r\n" + endless] {
        let connection = try StreamSocket.connect(address)
        // The server may have closed before all of it is written.
        try? connection.writeAll(Array(request.utf8))
        let answer = (try? Self.everything(from: connection)) ?? ""
        #expect(!answer.hasPrefix("HTTP/1.1 200"))
      }
      let connection = try StreamSocket.connect(address)
      try connection.writeAll(Array("POST /change HTTP/1.1\r\nhost: b\r\ncontent-length: 99999999\r\n\r\n".utf8))
      try? connection.writeAll([UInt8](repeating: 120, count: APIServer.maximumBody + 65536))
      #expect(try Self.everything(from: connection).contains("larger than"))
      #expect(try Self.ask(address, "GET /hello HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n").hasSuffix("hello\n"))
    }
  }

  private static func connections(_ count: Int, to address: String, saying request: String, _ read: Bool = true) throws -> [Held] {
    try (0..<count).map { _ in
      let connection = Held(try StreamSocket.connect(address))
      try connection.fd.writeAll(Array(request.utf8))
      if read { _ = try connection.fd.read(upTo: 65536) }
      return connection
    }
  }

  /// With a stream that never ends, and an answer that is more than a socket holds.
  private static func longRouter(_ seen: Seen) -> Router {
    var router = router()
    router.on("GET", "/stream") { _, _ throws(BerthError) in
      let (lines, output) = AsyncStream<JSON>.makeStream()
      output.yield(["first": true])
      seen.keep(output)
      return APIResponse(status: 200, body: .lines(lines))
    }
    router.on("GET", "/long") { _, _ throws(BerthError) in .text(String(repeating: "x", count: 4 << 20)) }
    return router
  }

  @Test("connections over the limit are answered 429 where all others are in use; once some close, there is room again")
  func tooMany() async throws {
    let seen = Seen()
    try await Self.withServer(router: Self.longRouter(seen)) { address in
      var held = try Self.connections(
        APIServer.maximumConnections, to: address, saying: "GET /stream HTTP/1.1\r\nhost: b\r\n\r\n")
      let request = "GET /hello HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n"
      #expect(try Self.ask(address, request).hasPrefix("HTTP/1.1 429"))
      #expect(held.count == APIServer.maximumConnections)
      held = []
      var answer = ""
      for _ in 0..<1000 where !answer.hasPrefix("HTTP/1.1 200") {
        answer = try Self.ask(address, request)
        Clock.pause(.milliseconds(10))
      }
      #expect(answer.hasPrefix("HTTP/1.1 200"))
    }
  }

  @Test(
    "a flood of connections that say nothing, half a request, or only once keeps nobody out",
    arguments: ["", "GET /hello HTTP/1.1\r\nx", "GET /hello HTTP/1.1\r\nhost: b\r\n\r\n"])
  func idle(saying: String) async throws {
    try await Self.withServer { address in
      let held = try Self.connections(APIServer.maximumConnections * 2, to: address, saying: saying, false)
      for _ in 0..<10 {
        #expect(try Self.ask(address, "GET /hello HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n").hasSuffix("hello\n"))
      }
      withExtendedLifetime(held) {}
    }
  }

  @Test("clients that don't read what they asked for make way for others")
  func unread() async throws {
    try await Self.withServer(router: Self.longRouter(Seen())) { address in
      let held = try Self.connections(
        APIServer.maximumConnections, to: address, saying: "GET /long HTTP/1.1\r\nhost: b\r\n\r\n", false)
      var answer = ""
      for _ in 0..<1000 where !answer.hasPrefix("HTTP/1.1 200") {
        answer = try Self.ask(address, "GET /hello HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n")
        Clock.pause(.milliseconds(10))
      }
      #expect(answer.hasSuffix("hello\n"))
      withExtendedLifetime(held) {}
    }
  }

  @Test("large bodies share a bound; small ones are taken whatever others hold, and all of it is given back")
  func bodies() async throws {
    try await Self.withServer { address in
      let size = APIServer.maximumBody
      func request(_ count: Int) -> [UInt8] {
        Array("POST /change HTTP/1.1\r\nhost: b\r\nconnection: close\r\ncontent-length: \(count)\r\n\r\n".utf8)
      }
      let held = try (0..<BodyBudget.total / size).map { _ in
        let connection = Held(try StreamSocket.connect(address))
        try connection.fd.writeAll(request(size) + [UInt8](repeating: 120, count: size - 1))
        return connection
      }
      let large = try StreamSocket.connect(address)
      // It may be refused before all of it is written.
      try? large.writeAll(request(size) + [UInt8](repeating: 120, count: size))
      #expect(try Self.everything(from: large).hasPrefix("HTTP/1.1 429"))
      #expect(try Self.ask(address, String(decoding: request(3), as: UTF8.self) + "abc").hasSuffix("3\n"))
      for connection in held {
        try connection.fd.writeAll([120])
        #expect(try Self.everything(from: connection.fd).hasSuffix("\(size)\n"))
      }
      let again = try StreamSocket.connect(address)
      try again.writeAll(request(size) + [UInt8](repeating: 120, count: size))
      #expect(try Self.everything(from: again).hasSuffix("\(size)\n"))
    }
  }

  @Test("answers that nobody reads share a bound: the ones without progress for longest make way, and who reads gets the whole")
  func unreadAnswers() async throws {
    let size = 2 << 20
    let room = ConnectionTable.unsentTotal / (size - ConnectionTable.free)
    var router = Self.router()
    router.on("GET", "/large") { _, _ throws(BerthError) in .text(String(repeating: "x", count: size)) }
    let request = "GET /large HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n"
    try await Self.withServer(router: router) { address in
      let begun = ContinuousClock.now
      // Each has its answer's head, so that they are in this order.
      var held: [Held] = []
      for _ in 0..<room {
        let connection = Held(try StreamSocket.connect(address))
        try connection.fd.writeAll(Array(request.utf8))
        _ = try connection.fd.read(upTo: 64)
        held.append(connection)
      }
      let oneMore = try Self.ask(address, request)
      if ContinuousClock.now - begun < .seconds(1) {
        #expect(oneMore.hasPrefix("HTTP/1.1 429"), "all of them may still be on their way")
      }
      #expect(try Self.ask(address, "GET /hello HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n").hasSuffix("hello\n"))
      // Once they have stood still for a second one after the other makes way.
      for number in 0..<3 {
        var answer = ""
        for _ in 0..<1000 where !answer.hasPrefix("HTTP/1.1 200") {
          answer = try Self.ask(address, request)
          Clock.pause(.milliseconds(10))
        }
        #expect(answer.utf8.count > size, "\(number)")
      }
      let rest = try held.map { try Self.everything(from: $0.fd).utf8.count }
      #expect(rest[0] < size, "the first has made way")
      #expect(rest.dropFirst().allSatisfy { $0 > size - 64 }, "and nobody else: \(rest)")
    }
  }

  @Test("a client that stalls in the middle of a request, or after an answer, is let go")
  func stalled() async throws {
    try await Self.withServer(patience: .milliseconds(50)) { address in
      let half = try StreamSocket.connect(address)
      try half.writeAll(Array("GET /hello HTTP/1.1\r\nho".utf8))
      _ = try Self.everything(from: half)
      let kept = try StreamSocket.connect(address)
      try kept.writeAll(Array("GET /hello HTTP/1.1\r\nhost: b\r\n\r\n".utf8))
      #expect(try Self.everything(from: kept).hasSuffix("hello\n"))
    }
  }

  @Test("a stream ends on the server's side as soon as its client goes, without waiting for the next line")
  func vanishedFollower() async throws {
    let ended = Seen()
    var router = Router()
    router.on("GET", "/stream") { _, _ throws(BerthError) in
      let (lines, output) = AsyncStream<JSON>.makeStream()
      output.yield(["first": true])
      output.onTermination = { _ in ended.add("ended") }
      ended.keep(output)
      return APIResponse(status: 200, body: .lines(lines))
    }
    try await Self.withServer(router: router) { address in
      do {
        let connection = try StreamSocket.connect(address)
        try connection.writeAll(Array("GET /stream HTTP/1.1\r\nhost: b\r\n\r\n".utf8))
        _ = try connection.read(upTo: 65536)
      }
      for _ in 0..<1000 where ended.all.isEmpty { Clock.pause(.milliseconds(10)) }
      #expect(ended.all == ["ended"])
    }
  }
}

private final class Held {
  let fd: FD
  init(_ fd: consuming FD) { self.fd = fd }
}

private final class Seen: Sendable {
  private let state = Mutex<(lines: [String], streams: [AsyncStream<JSON>.Continuation])>(([], []))
  func add(_ line: String) { state.withLock { $0.lines.append(line) } }
  /// So that the stream isn't ended by its producer going away.
  func keep(_ stream: AsyncStream<JSON>.Continuation) { state.withLock { $0.streams.append(stream) } }
  var all: [String] { state.withLock { $0.lines } }
}
