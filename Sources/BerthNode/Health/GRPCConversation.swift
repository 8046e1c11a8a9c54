import BerthPlan

/// `grpc.health.v1.Health/Check` over HTTP/2 with prior knowledge: the few frames that one call takes. Source: RFC 9113, RFC 7541 (a
/// request needs nothing but literals), gRPC's "health checking protocol".
struct GRPCConversation: ProbeConversation {
  /// Bytes that a server may send for one answer, settings and headers included.
  static let limit = 256 << 10
  /// SETTINGS_MAX_FRAME_SIZE, which we leave at its default.
  private static let frameLimit = 16384

  let service: String
  let authority: String
  private var buffer: [UInt8] = []
  private var received = 0
  /// The message's bytes so far.
  private var message: [UInt8] = []

  init(service: String, authority: String) {
    self.service = service
    self.authority = authority
  }

  private enum FrameType {
    static let data: UInt8 = 0, headers: UInt8 = 1, reset: UInt8 = 3, settings: UInt8 = 4, ping: UInt8 = 6, goAway: UInt8 = 7
  }
  private static let endStream: UInt8 = 1
  private static let ack: UInt8 = 1
  private static let endHeaders: UInt8 = 4
  private static let padded: UInt8 = 8

  // MARK: the request

  func opening() -> [UInt8] {
    Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + Self.frame(FrameType.settings, flags: 0, stream: 0, [])
      + Self.frame(FrameType.headers, flags: Self.endHeaders, stream: 1, headers)
      + Self.frame(FrameType.data, flags: Self.endStream, stream: 1, Self.request(service))
  }

  private static func frame(_ type: UInt8, flags: UInt8, stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
    let count = payload.count
    return [
      UInt8(truncatingIfNeeded: count >> 16), UInt8(truncatingIfNeeded: count >> 8), UInt8(truncatingIfNeeded: count), type, flags,
      UInt8(truncatingIfNeeded: stream >> 24), UInt8(truncatingIfNeeded: stream >> 16), UInt8(truncatingIfNeeded: stream >> 8),
      UInt8(truncatingIfNeeded: stream),
    ] + payload
  }

  /// Literals without indexing and without Huffman codes.
  private var headers: [UInt8] {
    [
      (":method", "POST"), (":scheme", "http"), (":path", "/grpc.health.v1.Health/Check"), (":authority", authority),
      ("content-type", "application/grpc"), ("te", "trailers"), ("user-agent", "kube-probe/1.31 (berth) grpc"),
    ].flatMap { [0] + Self.literal($0) + Self.literal($1) }
  }

  /// A length in the 7-bit prefix form of RFC 7541, 5.1, and the bytes.
  private static func literal(_ text: String) -> [UInt8] {
    let bytes = Array(text.utf8)
    if bytes.count < 127 { return [UInt8(bytes.count)] + bytes }
    return [127] + varint(bytes.count - 127) + bytes
  }

  private static func varint(_ value: Int) -> [UInt8] {
    var rest = value
    var bytes: [UInt8] = []
    while rest >= 128 {
      bytes.append(UInt8(rest & 127) | 128)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  /// gRPC's five bytes before the message `HealthCheckRequest { string service = 1 }`.
  private static func request(_ service: String) -> [UInt8] {
    // Cut where a frame's end would be: no service has such a name.
    let name = Array(service.utf8.prefix(8192))
    let message = name.isEmpty ? [] : [0x0A] + varint(name.count) + name
    let count = UInt32(message.count)
    return [
      0, UInt8(truncatingIfNeeded: count >> 24), UInt8(truncatingIfNeeded: count >> 16), UInt8(truncatingIfNeeded: count >> 8),
      UInt8(truncatingIfNeeded: count),
    ] + message
  }

  // MARK: the answer

  mutating func receive(_ bytes: [UInt8]) -> ConversationStep {
    received += bytes.count
    guard received <= Self.limit else { return Self.failed("the gRPC answer is longer than \(Self.limit) bytes") }
    buffer += bytes
    var reply: [UInt8] = []
    while buffer.count >= 9 {
      let length = Int(buffer[0]) << 16 | Int(buffer[1]) << 8 | Int(buffer[2])
      guard length <= Self.frameLimit else { return Self.failed("the answer is no gRPC") }
      guard buffer.count >= 9 + length else { break }
      let (type, flags) = (buffer[3], buffer[4])
      let payload = Array(buffer[9..<(9 + length)])
      buffer.removeFirst(9 + length)
      switch type {
      case FrameType.settings where flags & Self.ack == 0: reply += Self.frame(FrameType.settings, flags: Self.ack, stream: 0, [])
      case FrameType.ping where flags & Self.ack == 0: reply += Self.frame(FrameType.ping, flags: Self.ack, stream: 0, payload)
      case FrameType.data:
        message += Self.withoutPadding(payload, flags)
        if let result = Self.status(message) { return .done(result) }
        if flags & Self.endStream != 0 { return .done(ended()) }
      case FrameType.headers where flags & Self.endStream != 0: return .done(ended())
      case FrameType.reset: return Self.failed("the server reset the gRPC call")
      case FrameType.goAway: return Self.failed("the server turned the gRPC call away")
      default: break
      }
    }
    return .wait(reply: reply)
  }

  private static func failed(_ message: String) -> ConversationStep { .done(ProbeResult(false, message)) }

  func ended() -> ProbeResult {
    let name = service.isEmpty ? "the server" : "service \"\(service)\""
    return ProbeResult(false, received == 0 ? "the connection was closed without an answer" : "no gRPC health status of \(name)")
  }

  private static func withoutPadding(_ payload: [UInt8], _ flags: UInt8) -> ArraySlice<UInt8> {
    guard flags & padded != 0, let count = payload.first else { return payload[...] }
    return payload.dropFirst().dropLast(Int(count))
  }

  /// nil as long as the message isn't complete. `HealthCheckResponse { ServingStatus status = 1 }`.
  private static func status(_ bytes: [UInt8]) -> ProbeResult? {
    guard bytes.count >= 5 else { return nil }
    let count = bytes[1..<5].reduce(0) { $0 << 8 | Int($1) }
    guard count <= limit else { return ProbeResult(false, "the answer is no gRPC") }
    guard bytes.count >= 5 + count else { return nil }
    // A message without the field has its default, 0.
    var status = 0
    if count >= 2, bytes[5] == 0x08 { status = Int(bytes[6]) }
    let words = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"]
    return ProbeResult(status == 1, "gRPC health status \(words.indices.contains(status) ? words[status] : "\(status)")")
  }
}
