import BerthCore

/// A request, read whole: bodies are bounded.
public struct APIRequest: Sendable {
  public var method: String
  /// Without the query, split at slashes, percent-decoded.
  public var path: [String]
  public var query: [String: String]
  public var body: [UInt8]

  /// `uri` as the request line has it. nil for one that can't be decoded.
  public init?(method: String, uri: String, body: [UInt8]) {
    let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    guard let raw = parts.first else { return nil }
    self.method = method
    self.body = body
    var path: [String] = []
    for segment in raw.split(separator: "/") {
      guard let text = Self.decode(segment) else { return nil }
      path.append(text)
    }
    self.path = path
    var query: [String: String] = [:]
    for pair in parts.count == 2 ? parts[1].split(separator: "&") : [] {
      let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = Self.decode(sides[0]), let value = sides.count == 2 ? Self.decode(sides[1]) : "" else { return nil }
      query[name] = value
    }
    self.query = query
  }

  private static func decode(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8.makeIterator()
    while let byte = rest.next() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.next().flatMap(digit), let low = rest.next().flatMap(digit) else { return nil }
      bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

/// Takes a request's body piece by piece.
public struct UploadSink: Sendable {
  /// False where no more is wanted; `end` tells why.
  public var write: @Sendable ([UInt8]) async -> Bool
  /// After the last piece, or where the client broke off: then `isWhole` is false and nobody hears the answer.
  public var end: @Sendable (_ isWhole: Bool) async -> APIResponse

  public init(write: @escaping @Sendable ([UInt8]) async -> Bool, end: @escaping @Sendable (Bool) async -> APIResponse) {
    self.write = write
    self.end = end
  }
}

/// What a route answers.
public struct APIResponse: Sendable {
  public enum Body: Sendable {
    case json(JSON)
    case text(String)
    /// One JSON value a line, until the stream ends or the client goes.
    case lines(AsyncStream<JSON>)
    /// So many bytes, asked for piece by piece. An error, or an early end, breaks the connection off, which the client sees.
    case bytes(count: Int64, next: @Sendable () async throws(BerthError) -> [UInt8]?)
    /// As many bytes as there are; nil is their end. An error breaks the connection off.
    case stream(@Sendable () async throws(BerthError) -> [UInt8]?)
    /// Of a route for uploads alone: the request's body goes there, and the sink gives the answer.
    case upload(UploadSink)
  }
  public var status: Int
  public var body: Body
  /// Called once the client has the answer.
  public var afterwards: (@Sendable () -> Void)?

  public init(status: Int, body: Body) {
    self.status = status
    self.body = body
  }

  public static func json(_ value: JSON, status: Int = 200) -> APIResponse { APIResponse(status: status, body: .json(value)) }
  public static func text(_ text: String, status: Int = 200) -> APIResponse { APIResponse(status: status, body: .text(text)) }
  public static func error(_ error: BerthError) -> APIResponse { .json(["error": json(of: error)], status: error.code.httpStatus) }

  /// An error as the API writes it.
  static func json(of error: BerthError) -> JSON {
    [
      "code": .string(error.code.rawValue), "operation": .string(error.operation), "subject": .string(error.subject),
      "cause": .string(error.cause), "message": .string("\(error)"),
    ]
  }
}
