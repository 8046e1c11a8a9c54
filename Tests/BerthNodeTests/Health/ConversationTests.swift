import BerthManifest
import BerthPlan
import Testing

@testable import BerthNode

/// Feeds an answer in pieces of `size` bytes and tells how it ended: `ok: …`, `bad: …`, `follow: PORT PATH` or `waits`.
private func outcome(_ conversation: some ProbeConversation, _ answer: [UInt8], pieces size: Int, thenEnds: Bool = false) -> String {
  var conversation = conversation
  var at = 0
  while at < answer.count {
    switch conversation.receive(Array(answer[at..<min(at + size, answer.count)])) {
    case .wait: at += size
    case .done(let result): return "\(result.isSuccess ? "ok" : "bad"): \(result.message)"
    case .follow(let next): return "follow: \(next.port) \(next.path)"
    }
  }
  guard thenEnds else { return "waits" }
  return "\(conversation.ended().isSuccess ? "ok" : "bad"): \(conversation.ended().message)"
}

@Suite("http_get: what an answer means")
struct HTTPConversationTests {
  private func http(_ path: String = "/a/b?c=d") -> HTTPConversation {
    var get = HTTPGet(port: 8080)
    get.path = path
    get.headers = ["X-One": "1", "user-agent": "mine"]
    return HTTPConversation(get, host: "127.0.0.1")
  }

  @Test("the request is the kubelet's, and the manifest's headers win") func request() {
    let text = String(decoding: http().opening(), as: UTF8.self)
    #expect(
      text == "GET /a/b?c=d HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: */*\r\nConnection: close\r\nX-One: 1\r\nuser-agent: mine\r\n\r\n")
    let plain = String(decoding: HTTPConversation(HTTPGet(port: 1), host: "::1").opening(), as: UTF8.self)
    #expect(plain.contains("\r\nHost: [::1]:1\r\nUser-Agent: kube-probe/"))
  }

  @Test(
    "a status decides, in pieces of any size",
    arguments: [
      ("HTTP/1.1 200 OK\r\n\r\n", "ok: HTTP status 200"), ("HTTP/1.0 204\r\n\r\n", "ok: HTTP status 204"),
      ("HTTP/1.1 399 x\n\n", "ok: HTTP status 399"), ("HTTP/1.1 400 Bad\r\n\r\n", "bad: HTTP status 400"),
      ("HTTP/1.1 503 x\r\n", "bad: HTTP status 503"), ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "ok: HTTP status 200"),
      ("HTTP/1.1 304 x\r\n\r\n", "ok: HTTP status 304"), ("SSH-2.0-x\r\n", "bad: the answer is no HTTP"),
      ("HTTP/1.1 20 OK\r\n", "bad: the answer is no HTTP"), ("HTTP/1.1 99999999999999999999 x\r\n", "bad: the answer is no HTTP"),
      ("", "bad: the connection was closed without an answer"), ("HTTP/1.1 20", "bad: the HTTP answer is cut off"),
    ])
  func status(answer: String, expected: String) {
    for size in [1, 3, 1000] { #expect(outcome(http(), Array(answer.utf8), pieces: size, thenEnds: true) == expected) }
  }

  @Test(
    "a redirect on the same host is followed, another is a success that is not followed",
    arguments: [
      ("/ready", "follow: 8080 /ready"), ("ready", "follow: 8080 /a/ready"), ("http://127.0.0.1:9/x", "follow: 9 /x"),
      ("http://127.0.0.1/x", "follow: 80 /x"), ("http://127.0.0.1:8080", "follow: 8080 /"),
      ("http://example.com/", "ok: HTTP status 302, a redirect to another host, which is not followed"),
      ("//example.com/", "ok: HTTP status 302, a redirect to another host, which is not followed"),
      ("http://127.0.0.1.example.com/", "ok: HTTP status 302, a redirect to another host, which is not followed"),
      ("http://127.0.0.1:99999/", "ok: HTTP status 302, a redirect to another host, which is not followed"),
      ("/a\tb", "follow: 8080 /a"), ("", "ok: HTTP status 302"),
    ])
  func redirect(location: String, expected: String) {
    let answer = Array("HTTP/1.1 302 Found\r\nLOCATION: \(location)\r\nX: y\r\n\r\n".utf8)
    for size in [1, 1000] { #expect(outcome(http(), answer, pieces: size) == expected) }
  }

  @Test("a redirect to https is followed in TLS, on its own port") func redirectToTLS() {
    for (location, port) in [("https://127.0.0.1/x", 443), ("https://127.0.0.1:8443/x", 8443)] as [(String, UInt16)] {
      var conversation = http()
      guard case .follow(let next) = conversation.receive(Array("HTTP/1.1 302 x\r\nLocation: \(location)\r\n\r\n".utf8)) else {
        Issue.record("\(location) is not followed")
        continue
      }
      #expect(next.scheme == .https && next.port == port && next.path == "/x")
    }
  }

  @Test("a chain of redirects ends") func endless() {
    var conversation = http()
    var followed = 0
    while case .follow(let next) = conversation.receive(Array("HTTP/1.1 302 x\r\nLocation: /x\r\n\r\n".utf8)) {
      conversation = next
      followed += 1
    }
    #expect(followed == 9)
  }

  @Test("an endless head is given up") func endlessHead() {
    let line = [UInt8](repeating: UInt8(ascii: "a"), count: 1 << 20)
    #expect(outcome(http(), line, pieces: 1 << 12) == "bad: the answer is no HTTP")
    let header = Array("HTTP/1.1 302 x\r\nX: ".utf8) + line
    #expect(outcome(http(), header, pieces: 1 << 12) == "bad: the head of the HTTP answer is longer than 16384 bytes")
  }
}

@Suite("http_get in TLS: what isn't TLS")
struct TLSConversationTests {
  private let https = TLSConversation(HTTPConversation(HTTPGet(port: 8443), host: "127.0.0.1"))

  @Test("it begins with a ClientHello, which names no server") func opening() {
    let bytes = https.opening()
    #expect(bytes.starts(with: [22, 3, 1]) && bytes.count > 100)
    #expect(!String(decoding: bytes, as: UTF8.self).contains("127.0.0.1"))
  }

  @Test(
    "an answer that is no TLS is a failure with OpenSSL's words, in pieces of any size",
    arguments: [
      ("HTTP/1.1 400 Bad Request\r\n\r\n", "bad: tls: "), ("SSH-2.0-OpenSSH_9.2\r\n", "bad: tls: "),
      ("", "bad: the connection was closed during the TLS handshake"),
      ("\u{15}\u{3}\u{3}\u{0}\u{2}\u{2}\u{28}", "bad: tls: "),
    ])
  func notTLS(answer: String, expected: String) {
    for size in [1, 3, 1000] {
      let https = TLSConversation(HTTPConversation(HTTPGet(port: 8443), host: "127.0.0.1"))
      let found = outcome(https, Array(answer.utf8), pieces: size, thenEnds: true)
      #expect(found.hasPrefix(expected), "\(found)")
    }
  }
}

@Suite("grpc: what an answer means")
struct GRPCConversationTests {
  private let call = GRPCConversation(service: "db", authority: "127.0.0.1:1")

  private func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt8, _ payload: [UInt8]) -> [UInt8] {
    [0, UInt8(payload.count >> 8), UInt8(payload.count & 255), type, flags, 0, 0, 0, stream] + payload
  }
  private var settings: [UInt8] { frame(4, 0, 0, [0, 3, 0, 0, 0, 100]) }
  private func answer(_ status: UInt8) -> [UInt8] { frame(1, 4, 1, [0x88]) + frame(0, 0, 1, [0, 0, 0, 0, 2, 8, status]) }

  @Test("the request: preface, settings, headers, message") func request() {
    let bytes = call.opening()
    #expect(bytes.starts(with: Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, 0, 0, [])))
    #expect(bytes.suffix(9 + 9) == (frame(0, 1, 1, [0, 0, 0, 0, 4, 0x0A, 2] + Array("db".utf8)))[...])
  }

  @Test("settings are acknowledged and pings answered") func acknowledgements() {
    var conversation = call
    guard case .wait(let reply) = conversation.receive(settings + frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8])) else {
      Issue.record("no reply")
      return
    }
    #expect(reply == frame(4, 1, 0, []) + frame(6, 1, 0, [1, 2, 3, 4, 5, 6, 7, 8]))
  }

  @Test("SERVING alone is success, in pieces of any size")
  func statuses() {
    for size in [1, 7, 1000] {
      #expect(outcome(call, settings + answer(1), pieces: size) == "ok: gRPC health status SERVING")
      #expect(outcome(call, settings + answer(2), pieces: size) == "bad: gRPC health status NOT_SERVING")
      #expect(outcome(call, frame(0, 8, 1, [3, 0, 0, 0, 0, 2, 8, 1, 0, 0, 0]), pieces: size) == "ok: gRPC health status SERVING")
      #expect(outcome(call, frame(0, 0, 1, [0, 0, 0, 0, 0]), pieces: size) == "bad: gRPC health status UNKNOWN")
    }
  }

  @Test("an answer without a message, a reset and a refusal are failures")
  func failures() {
    #expect(outcome(call, settings + frame(1, 5, 1, [0x88]), pieces: 5) == "bad: no gRPC health status of service \"db\"")
    #expect(outcome(call, frame(3, 0, 1, [0, 0, 0, 8]), pieces: 5) == "bad: the server reset the gRPC call")
    #expect(outcome(call, frame(7, 0, 0, [0, 0, 0, 0, 0, 0, 0, 1]), pieces: 5) == "bad: the server turned the gRPC call away")
    #expect(outcome(call, Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), pieces: 100) == "bad: the answer is no gRPC")
    #expect(outcome(call, [], pieces: 1, thenEnds: true) == "bad: the connection was closed without an answer")
  }

  @Test("nothing that a server sends is too long or too odd", arguments: [0, 1, 2, 3, 9, 200])
  func hostile(seed: UInt8) {
    var bytes: [UInt8] = []
    var state = UInt32(seed) &+ 7
    for _ in 0..<400_000 {
      state = state &* 1_664_525 &+ 1_013_904_223
      bytes.append(UInt8(truncatingIfNeeded: state >> 24))
    }
    #expect(outcome(call, bytes, pieces: 4096).hasPrefix("bad: "))
    // Frames of nothing, for ever.
    let empty = (0..<40_000).flatMap { _ in frame(9, 0, 1, []) }
    #expect(outcome(call, empty, pieces: 4096) == "bad: the gRPC answer is longer than 262144 bytes")
  }
}
