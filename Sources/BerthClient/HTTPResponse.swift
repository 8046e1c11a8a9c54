import BerthLinux

/// A response read whole.
struct HTTPResponse {
  var head: HTTPHead
  var body: [UInt8]

  static func read(_ connection: borrowing FD) throws(Errno) -> HTTPResponse {
    var reader = HTTPReader(try connection.duplicate())
    let head = try reader.head()
    return HTTPResponse(head: head, body: try reader.wholeBody(head))
  }
}

struct HTTPHead {
  var status: Int
  /// nil: chunked, or up to the end of the connection.
  var contentLength: Int?
  var isChunked: Bool
}

/// Reads one response from a connection. Anything malformed is EPROTO.
struct HTTPReader: ~Copyable {
  private let connection: FD
  private var buffer: [UInt8] = []
  private var remaining: Int?
  private var ended = false

  static let malformed = Errno(71)

  init(_ connection: consuming FD) { self.connection = connection }

  mutating func head() throws(Errno) -> HTTPHead {
    var lines: [String] = []
    while true {
      let line = try line()
      if line.isEmpty { break }
      guard lines.count < 100 else { throw Self.malformed }
      lines.append(line)
    }
    let words = (lines.first ?? "").split(separator: " ", maxSplits: 2)
    guard words.count >= 2, let status = Int(words[1]) else { throw Self.malformed }
    var head = HTTPHead(status: status, contentLength: nil, isChunked: false)
    for line in lines.dropFirst() {
      let sides = line.split(separator: ":", maxSplits: 1)
      guard sides.count == 2 else { continue }
      let value = sides[1].drop { $0 == " " }.lowercased()
      if sides[0].lowercased() == "content-length" {
        guard let length = Int(value), length >= 0 else { throw Self.malformed }
        head.contentLength = length
      }
      if sides[0].lowercased() == "transfer-encoding" { head.isChunked = value == "chunked" }
    }
    return head
  }

  mutating func wholeBody(_ head: HTTPHead) throws(Errno) -> [UInt8] {
    var body: [UInt8] = []
    while let chunk = try nextChunk(head) { body += chunk }
    return body
  }

  /// The next piece of the body, nil at its end.
  mutating func nextChunk(_ head: HTTPHead) throws(Errno) -> [UInt8]? {
    if ended { return nil }
    if head.isChunked { return try nextEncodedChunk() }
    if remaining == nil { remaining = head.contentLength }
    if remaining == 0 { return nil }
    let bytes = try some(atMost: remaining ?? 65536)
    guard !bytes.isEmpty else { return nil }
    remaining = remaining.map { $0 - bytes.count }
    return bytes
  }

  private mutating func nextEncodedChunk() throws(Errno) -> [UInt8]? {
    guard let size = Int(try line().prefix { $0 != ";" }, radix: 16), size >= 0, size <= 1 << 26 else { throw Self.malformed }
    var chunk: [UInt8] = []
    while chunk.count < size {
      let bytes = try some(atMost: size - chunk.count)
      guard !bytes.isEmpty else { throw Self.malformed }
      chunk += bytes
    }
    _ = try line()
    if size == 0 { ended = true }
    return size == 0 ? nil : chunk
  }

  private mutating func line() throws(Errno) -> String {
    while true {
      if let end = buffer.firstIndex(of: 10) {
        let line = buffer[..<end].filter { $0 != 13 }
        buffer.removeFirst(end + 1)
        return String(decoding: line, as: UTF8.self)
      }
      guard buffer.count < 65536 else { throw Self.malformed }
      let bytes = try connection.read(upTo: 65536)
      guard !bytes.isEmpty else { throw Self.malformed }
      buffer += bytes
    }
  }

  private mutating func some(atMost count: Int) throws(Errno) -> [UInt8] {
    if buffer.isEmpty { buffer = try connection.read(upTo: 65536) }
    let taken = Array(buffer.prefix(count))
    buffer.removeFirst(taken.count)
    return taken
  }
}
