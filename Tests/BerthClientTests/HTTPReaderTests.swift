import BerthLinux
import BerthTestSupport
import Testing

@testable import BerthClient

@Suite("reading the daemon's answers")
struct HTTPReaderTests {
  private func response(_ text: String) throws -> HTTPResponse {
    let scratch = try TemporaryDirectory()
    try Files.writeAtomically(text.utf8, to: "\(scratch.path)/answer")
    return try HTTPResponse.read(try Files.open("\(scratch.path)/answer", FileFlags.read))
  }

  @Test("a body of a known length ends there")
  func length() throws {
    let response = try response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nx: y\r\n\r\nhello and more")
    #expect(response.head.status == 200)
    #expect(response.body == Array("hello".utf8))
  }

  @Test("a chunked body is put together")
  func chunked() throws {
    let response = try response("HTTP/1.1 404 No\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")
    #expect(response.head.status == 404)
    #expect(response.body == Array("abcde".utf8))
  }

  @Test("without either it goes to the end of the connection")
  func toTheEnd() throws {
    #expect(try response("HTTP/1.1 200 OK\r\n\r\nall of it").body == Array("all of it".utf8))
  }

  @Test(
    "what is no answer is an error, not a trap",
    arguments: [
      "", "HTTP/1.1", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nx",
      "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-3\r\nabc\r\n", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nabc",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    ])
  func malformed(_ text: String) {
    #expect(throws: Errno.self) { try response(text) }
  }
}
