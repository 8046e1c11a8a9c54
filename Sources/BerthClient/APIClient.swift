import BerthCore
import BerthLinux

/// The daemon's API over its unix socket: one request a connection, blocking. HTTP/1.1 as far as Berth's own server speaks it.
public struct APIClient: Sendable {
  /// The socket's path.
  public let address: String

  public init(address: String) { self.address = address }

  /// What the daemon answered. Throws its error as it was, or `.unavailable` where no daemon answers.
  public func json(_ method: String, _ path: String, query: [(String, String)] = [], body: JSON? = nil) throws(BerthError) -> JSON {
    try answer(method, path, query: query, content: body?.encoded() ?? [])
  }

  /// The same with a body that is no JSON.
  public func json(_ method: String, _ path: String, text: String) throws(BerthError) -> JSON {
    try answer(method, path, query: [], content: Array(text.utf8))
  }

  private func answer(_ method: String, _ path: String, query: [(String, String)], content: [UInt8]) throws(BerthError) -> JSON {
    let connection = try send(method, path, query: query, content: content)
    let response: HTTPResponse
    do throws(Errno) { response = try HTTPResponse.read(connection) } catch { throw lost(error) }
    return try Self.value(of: response, operation: "\(method) \(path)")
  }

  /// Calls `each` with every line of a stream until it returns false or the stream ends.
  public func lines(
    _ method: String, _ path: String, query: [(String, String)], _ each: (JSON) -> Bool
  ) throws(BerthError) {
    let connection = try send(method, path, query: query, content: [])
    var refused: HTTPResponse?
    do throws(Errno) {
      var reader = HTTPReader(connection)
      let head = try reader.head()
      if head.status == 200 {
        try Self.eachLine(&reader, head, each)
      } else {
        refused = HTTPResponse(head: head, body: try reader.wholeBody(head))
      }
    } catch { throw lost(error) }
    if let refused { _ = try Self.value(of: refused, operation: "\(method) \(path)") }
  }

  /// Hands the bytes of the answer to `each`, piece by piece. Throws `dataLoss` where the daemon broke off in the middle.
  public func bytes(
    _ method: String, _ path: String, query: [(String, String)] = [], body: JSON? = nil, _ each: ([UInt8]) throws(BerthError) -> Void
  ) throws(BerthError) {
    let connection = try send(method, path, query: query, content: body?.encoded() ?? [])
    let operation = "\(method) \(path)"
    var reader = HTTPReader(connection)
    let head: HTTPHead
    do throws(Errno) { head = try reader.head() } catch { throw lost(error) }
    var left = head.contentLength ?? 0
    guard head.status == 200 else {
      let answer: [UInt8]
      do throws(Errno) { answer = try reader.wholeBody(head) } catch { throw lost(error) }
      _ = try Self.value(of: HTTPResponse(head: head, body: answer), operation: operation)
      return
    }
    while left > 0 {
      let piece: [UInt8]?
      do throws(Errno) { piece = try reader.nextChunk(head) } catch { throw lost(error) }
      guard let piece else {
        throw BerthError(.dataLoss, operation, cause: "berthd broke off \(left) bytes before the end; its log says why")
      }
      left -= piece.count
      try each(piece)
    }
  }

  private static func eachLine(_ reader: inout HTTPReader, _ head: HTTPHead, _ each: (JSON) -> Bool) throws(Errno) {
    var pending: [UInt8] = []
    while let chunk = try reader.nextChunk(head) {
      pending += chunk
      while let end = pending.firstIndex(of: 10) {
        let line = Array(pending[..<end])
        pending.removeFirst(end + 1)
        if let value = try? JSON(parsing: line), !each(value) { return }
      }
    }
  }

  func send(_ method: String, _ path: String, query: [(String, String)], content: [UInt8]) throws(BerthError) -> FD {
    let connection = try open(method, path, query: query, length: "content-length: \(content.count)")
    do throws(Errno) { try connection.writeAll(content) } catch { throw lost(error) }
    return connection
  }

  /// Sends the head alone; `length` is the header that tells where the body ends.
  func open(_ method: String, _ path: String, query: [(String, String)], length: String) throws(BerthError) -> FD {
    let connection: FD
    do throws(Errno) { connection = try StreamSocket.connect(address) } catch {
      let hint =
        error == .accessDenied
        ? "ask for root, or for membership in the group of [api] gid" : "is berthd running? start it, or name its socket with --address"
      throw BerthError(error == .accessDenied ? .permissionDenied : .unavailable, "connect", address, cause: "\(error); \(hint)")
    }
    let text = query.isEmpty ? "" : "?" + query.map { "\(Self.encode($0.0))=\(Self.encode($0.1))" }.joined(separator: "&")
    let target = path.split(separator: "/").map { Self.encode(String($0)) }.joined(separator: "/")
    let head = "\(method) /\(target)\(text) HTTP/1.1\r\nhost: berth\r\nconnection: close\r\n\(length)\r\n\r\n"
    do throws(Errno) { try connection.writeAll(Array(head.utf8)) } catch { throw lost(error) }
    return connection
  }

  func lost(_ error: Errno) -> BerthError { BerthError(.unavailable, "talk to berthd", address, cause: "\(error)") }

  static func value(of response: HTTPResponse, operation: String) throws(BerthError) -> JSON {
    guard let value = try? JSON(parsing: response.body, limits: JSONLimits(bytes: 256 << 20)) else {
      throw BerthError(.bug, operation, cause: "berthd answered \(response.head.status) without JSON")
    }
    if let error = value["error"] { throw BerthError(api: error) }
    return value
  }

  private static func encode(_ text: String) -> String {
    var out = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), 48...57, UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        out.append(Character(Unicode.Scalar(byte)))
      default: out += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return out
  }
}

extension BerthError {
  /// An error as the API writes it.
  public init(api value: JSON) {
    self.init(
      value["code"]?.string.flatMap(ErrorCode.init(rawValue:)) ?? .bug, value["operation"]?.string ?? "talk to berthd",
      value["subject"]?.string ?? "", cause: value["cause"]?.string ?? "it answered with an error")
  }
}
