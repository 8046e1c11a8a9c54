import BerthArchive
import BerthCore
import BerthLinux

/// An answer's body, read as it comes.
public final class BodySource: ByteSource {
  private var reader: HTTPReader
  private let head: HTTPHead
  private let operation: String
  private var pending: ArraySlice<UInt8> = []

  init(_ reader: consuming HTTPReader, _ head: HTTPHead, operation: String) {
    self.reader = reader
    self.head = head
    self.operation = operation
  }

  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(BerthError) -> Int {
    if pending.isEmpty {
      do throws(Errno) { pending = try reader.nextChunk(head)?[...] ?? [] } catch {
        throw BerthError(.dataLoss, operation, cause: "berthd broke off before the end; its log says why")
      }
    }
    let piece = pending.prefix(buffer.count)
    pending = pending.dropFirst(piece.count)
    piece.withUnsafeBytes { buffer.copyMemory(from: $0) }
    return piece.count
  }
}

/// A request's body, sent in chunks as it is made.
final class ChunkSink: ByteSink {
  private let connection: FD
  private var pending: [UInt8] = []
  /// The server takes no more: it has answered.
  private(set) var isRefused = false
  private static let size = 64 << 10

  init(_ connection: consuming FD) { self.connection = connection }

  func write(_ bytes: UnsafeRawBufferPointer) throws(BerthError) {
    pending += bytes
    if pending.count >= Self.size { try flush() }
  }

  func finish() throws(BerthError) {
    try flush()
    try send(Array("0\r\n\r\n".utf8))
  }

  private func flush() throws(BerthError) {
    if pending.isEmpty { return }
    try send(Array("\(String(pending.count, radix: 16))\r\n".utf8) + pending + [13, 10])
    pending.removeAll(keepingCapacity: true)
  }

  private func send(_ bytes: [UInt8]) throws(BerthError) {
    do throws(Errno) { try ChildChannel.send(connection, bytes) } catch {
      isRefused = true
      throw BerthError(.unavailable, "talk to berthd", cause: "\(error)")
    }
  }
}

extension APIClient {
  /// The answer's body as a stream. Throws the daemon's error as it was.
  public func download(_ path: String, query: [(String, String)]) throws(BerthError) -> BodySource {
    var reader = HTTPReader(try send("GET", path, query: query, content: []))
    let head: HTTPHead
    do throws(Errno) { head = try reader.head() } catch { throw lost(error) }
    guard head.status != 200 else { return BodySource(reader, head, operation: "GET \(path)") }
    let answer: [UInt8]
    do throws(Errno) { answer = try reader.wholeBody(head) } catch { throw lost(error) }
    _ = try Self.value(of: HTTPResponse(head: head, body: answer), operation: "GET \(path)")
    throw BerthError(.bug, "GET \(path)", cause: "berthd answered \(head.status)")
  }

  /// Sends what `produce` writes, of any length. Throws the daemon's error as it was, also where it came before the end.
  public func upload(
    _ path: String, query: [(String, String)], _ produce: (any ByteSink) throws(BerthError) -> Void
  ) throws(BerthError) -> JSON {
    let connection = try open("PUT", path, query: query, length: "transfer-encoding: chunked")
    let answers: FD
    do throws(Errno) { answers = try connection.duplicate() } catch { throw lost(error) }
    let sink = ChunkSink(consume connection)
    do throws(BerthError) {
      try produce(sink)
      try sink.finish()
    } catch { if !sink.isRefused { throw error } }
    let response: HTTPResponse
    do throws(Errno) { response = try HTTPResponse.read(answers) } catch { throw lost(error) }
    return try Self.value(of: response, operation: "PUT \(path)")
  }
}
