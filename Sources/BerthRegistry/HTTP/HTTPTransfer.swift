import BerthArchive
import BerthCore
import CBerthCurl
import CCurl

/// One GET over libcurl: started by `start`, which returns once the response's head is there; its body is then read as a stream. Used by one
/// thread. When the reader is slower than the network, the connection is paused: no more than a few hundred kilobytes wait here.
final class HTTPTransfer: ByteSource {
  struct Request {
    var url: String
    var headers: [String] = []
    var allowsPlain = false
    var caFile: String?
    /// Of the whole transfer, in milliseconds; 0: none.
    var timeout = 0
  }

  private(set) var status = 0
  /// Names in lower case; values in order.
  private(set) var headers: [String: [String]] = [:]
  private let url: String
  private let easy: OpaquePointer
  private let multi: OpaquePointer
  private var headerList: UnsafeMutablePointer<curl_slist>?
  private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
  private var body: [UInt8] = []
  private var taken = 0
  private var headerBytes = 0
  private var isPaused = false
  private var hasHead = false
  private var result: Int32?

  private static let bodyLimit = 512 << 10
  private static let headerLimit = 64 << 10

  static func start(_ request: Request) throws(BerthError) -> HTTPTransfer {
    let transfer = try HTTPTransfer(request)
    while !transfer.hasHead, transfer.result == nil { try transfer.advance() }
    try transfer.checkResult()
    return transfer
  }

  private init(_ request: Request) throws(BerthError) {
    guard let easy = curl_easy_init(), let multi = curl_multi_init() else {
      throw BerthError(.resourceExhausted, "request", request.url, cause: "libcurl has no memory")
    }
    url = request.url
    self.easy = OpaquePointer(easy)
    self.multi = OpaquePointer(multi)
    errorText[0] = 0
    for header in request.headers { headerList = curl_slist_append(headerList, header) }
    let prepared = prepare(request)
    guard prepared == CURLE_OK, curl_multi_add_handle(multi, easy) == CURLM_OK else {
      throw BerthError(.invalidArgument, "request", request.url, cause: "libcurl: \(String(cString: curl_easy_strerror(prepared)))")
    }
  }

  deinit {
    curl_multi_remove_handle(UnsafeMutableRawPointer(multi), UnsafeMutableRawPointer(easy))
    curl_easy_cleanup(UnsafeMutableRawPointer(easy))
    curl_multi_cleanup(UnsafeMutableRawPointer(multi))
    curl_slist_free_all(headerList)
    errorText.deallocate()
  }

  private func prepare(_ request: Request) -> CURLcode {
    request.url.withCString { url in
      "berth".withCString { agent in
        (request.allowsPlain ? "http,https" : "https").withCString { protocols in
          (request.caFile ?? "").withCString { authorities in
            var options = berth_curl_request()
            options.url = url
            options.user_agent = agent
            options.protocols = protocols
            options.ca_file = request.caFile == nil ? nil : authorities
            options.headers = headerList
            options.connect_timeout_ms = 10_000
            options.timeout_ms = request.timeout
            options.low_speed_bytes = 1024
            options.low_speed_seconds = 30
            options.on_header = { bytes, size, count, context in HTTPTransfer.from(context)?.takeHeader(bytes, size * count) ?? 0 }
            options.on_body = { bytes, size, count, context in HTTPTransfer.from(context)?.takeBody(bytes, size * count) ?? 0 }
            options.context = Unmanaged.passUnretained(self).toOpaque()
            options.error = errorText
            return berth_curl_prepare(UnsafeMutableRawPointer(easy), &options)
          }
        }
      }
    }
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> HTTPTransfer? {
    context.map { Unmanaged<HTTPTransfer>.fromOpaque($0).takeUnretainedValue() }
  }

  /// Returns something other than `count` to end the transfer.
  private func takeHeader(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
    headerBytes += count
    guard headerBytes <= Self.headerLimit, let bytes else { return 0 }
    let line = String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
    if line.hasPrefix("HTTP/") {
      // A new head: what came before was a provisional one.
      headers = [:]
    } else if let colon = line.firstIndex(of: ":") {
      let value = line[line.index(after: colon)...].trimmed
      headers[line[..<colon].lowercased(), default: []].append(value)
    } else if line.trimmed.isEmpty {
      status = Int(berth_curl_status(UnsafeMutableRawPointer(easy)))
      hasHead = status >= 200
    }
    return count
  }

  private func takeBody(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
    if body.count - taken > Self.bodyLimit {
      isPaused = true
      return Int(CURL_WRITEFUNC_PAUSE)
    }
    body += UnsafeRawBufferPointer(start: bytes, count: count)
    return count
  }

  private func advance() throws(BerthError) {
    var running: Int32 = 0
    guard curl_multi_perform(UnsafeMutableRawPointer(multi), &running) == CURLM_OK else { throw failure(-1) }
    let finished = berth_curl_finished(UnsafeMutableRawPointer(multi))
    if finished >= 0 {
      result = finished
    } else if body.count == taken {
      curl_multi_poll(UnsafeMutableRawPointer(multi), nil, 0, 1000, nil)
    }
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(BerthError) -> Int {
    while taken == body.count {
      body.removeAll(keepingCapacity: true)
      taken = 0
      if result != nil {
        try checkResult()
        return 0
      }
      if isPaused {
        isPaused = false
        curl_easy_pause(UnsafeMutableRawPointer(easy), CURLPAUSE_CONT)
      }
      try advance()
    }
    let count = min(buffer.count, body.count - taken)
    body.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[taken..<taken + count])) }
    taken += count
    return count
  }

  /// A small body as a whole.
  func readAll(limit: Int) throws(BerthError) -> [UInt8] {
    var all: [UInt8] = []
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = try read(into: buffer)
      if count == 0 { return all }
      all += buffer[..<count]
      guard all.count <= limit else {
        throw BerthError(.dataLoss, "request", Redaction.url(url), cause: "the answer is larger than \(limit) bytes")
      }
    }
  }

  private func checkResult() throws(BerthError) {
    if let result, result != 0 { throw failure(result) }
  }

  /// Whether the other side spoke something else than TLS.
  static func isNoTLS(_ error: BerthError) -> Bool { error.operation == "connect with TLS" }

  private func failure(_ code: Int32) -> BerthError {
    let detail = String(cString: errorText)
    let words = detail.isEmpty ? String(cString: curl_easy_strerror(CURLcode(rawValue: UInt32(bitPattern: code)))) : detail
    let kind = CURLcode(rawValue: UInt32(bitPattern: code))
    let subject = Redaction.url(url)
    switch kind {
    case CURLE_SSL_CONNECT_ERROR: return BerthError(.unavailable, "connect with TLS", subject, cause: words)
    case CURLE_OPERATION_TIMEDOUT: return BerthError(.deadlineExceeded, "request", subject, cause: words)
    case CURLE_PARTIAL_FILE: return BerthError(.dataLoss, "request", subject, cause: "truncated: \(words)")
    default: return BerthError(.unavailable, "request", subject, cause: words)
    }
  }
}

extension StringProtocol {
  /// Without spaces, tabs and line ends at both ends.
  var trimmed: String {
    func isSpace(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 13 || byte == 10 }
    let bytes = Array(utf8)
    guard let first = bytes.firstIndex(where: { !isSpace($0) }), let last = bytes.lastIndex(where: { !isSpace($0) }) else { return "" }
    return String(decoding: bytes[first...last], as: UTF8.self)
  }
}

/// Keeps what may be secret out of messages.
enum Redaction {
  /// Without the query, where signed URLs have their signature.
  static func url(_ url: String) -> String { String(url.prefix { $0 != "?" && $0 != "#" }) }

  /// Text from outside for people: one line of printable characters, at most 300.
  static func text(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.prefix(300).map { $0.value < 32 || (127..<160).contains($0.value) ? " " : $0 }))
  }
}
