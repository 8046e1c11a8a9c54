import BerthArchive
import BerthCore
import BerthLinux
import CBerthCurl
import CCurl

/// One request over libcurl: started by `start`, which returns once the response's head is there; its body is then read as a stream. Used
/// by one thread. When the reader is slower than the network, the connection is paused: no more than a few hundred kilobytes wait here.
final class HTTPTransfer: ByteSource {
  private(set) var status = 0
  /// Names in lower case; values in order.
  private(set) var headers: [String: [String]] = [:]
  /// Why reading has failed, once it has.
  private(set) var failure: TransferFailure?
  let url: String
  private let proxy: String?
  private let easy: OpaquePointer
  private let multi: TransferPool.Handle
  private var headerList: UnsafeMutablePointer<curl_slist>?
  private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
  private let outgoing: (any ByteSource)?
  private var outgoingFailure: BerthError?
  private var body: [UInt8] = []
  private var taken = 0
  /// Where a reader wants its bytes while it waits for them: filled first, so that they aren't copied twice.
  private var wanted: UnsafeMutableRawBufferPointer?
  private var filled = 0
  private var headerBytes = 0
  private var isPaused = false
  private var hasHead = false
  private var result: Int32?

  private static let bodyLimit = 512 << 10
  private static let headerLimit = 64 << 10

  static func start(_ request: HTTPRequest) throws(TransferFailure) -> HTTPTransfer {
    let transfer = try HTTPTransfer(request)
    // Of an upload, the head comes at its end: how slow that may be is a matter of speed.
    let limit = request.body == nil ? (request.timeouts.connect &+ request.timeouts.head) &* 1_000_000 : .max
    let started = Clock.bootNanoseconds()
    while !transfer.hasHead, transfer.result == nil {
      try transfer.advance()
      guard Clock.bootNanoseconds() - started <= limit else {
        throw TransferFailure(
          .broken,
          BerthError(.deadlineExceeded, "request", Redaction.url(request.url), cause: "no answer within \(limit / 1_000_000) ms"))
      }
    }
    // A body that ended early is told to who reads it.
    if !transfer.hasHead { try transfer.checkResult() }
    return transfer
  }

  private init(_ request: HTTPRequest) throws(TransferFailure) {
    guard let easy = curl_easy_init(), let multi = TransferPool.take() else {
      throw TransferFailure(.refused, BerthError(.resourceExhausted, "request", request.url, cause: "libcurl has no memory"))
    }
    url = request.url
    proxy = request.proxy
    self.easy = OpaquePointer(easy)
    self.multi = multi
    outgoing = request.body?.source
    errorText[0] = 0
    // No waiting for "100 Continue".
    for header in request.headers + (request.body == nil ? [] : ["Expect:"]) { headerList = curl_slist_append(headerList, header) }
    let prepared = prepare(request)
    guard prepared == CURLE_OK, curl_multi_add_handle(multi.raw, easy) == CURLM_OK else {
      let words = String(cString: curl_easy_strerror(prepared))
      throw TransferFailure(
        .refused, BerthError(.invalidArgument, "request", Redaction.url(request.url), cause: "libcurl: \(words)"))
    }
  }

  deinit {
    curl_multi_remove_handle(multi.raw, UnsafeMutableRawPointer(easy))
    curl_easy_cleanup(UnsafeMutableRawPointer(easy))
    TransferPool.put(multi)
    curl_slist_free_all(headerList)
    errorText.deallocate()
  }

  private func prepare(_ request: HTTPRequest) -> CURLcode {
    // In the order of the struct below; libcurl copies them all.
    let texts: [String?] = [
      request.url, "berth/\(BerthVersion.text)", request.method, request.allowsPlain ? "http,https" : "https", request.authorities,
      request.client?.certificate, request.client.map { $0.key ?? $0.certificate }, request.proxy ?? "", request.proxyExceptions,
    ]
    return withOptionalCStrings(texts) { text in
      var options = berth_curl_request()
      options.url = text[0]
      options.user_agent = text[1]
      options.method = text[2]
      options.protocols = text[3]
      options.authorities = text[4]
      options.client_certificate = text[5]
      options.client_key = text[6]
      options.proxy = text[7]
      options.proxy_exceptions = text[8]
      options.skip_verify = request.skipsVerification ? 1 : 0
      options.headers = headerList
      options.connect_timeout_ms = Int(clamping: request.timeouts.connect)
      options.timeout_ms = request.timeout
      options.low_speed_bytes = Int(clamping: request.timeouts.minimumSpeed)
      // Of an upload, the registry may be busy with it for a while after its last byte.
      options.low_speed_seconds = Int(clamping: request.timeouts.stall &* (request.body == nil ? 1 : 4))
      options.body_size = request.body?.size ?? -1
      options.on_header = { bytes, size, count, context in HTTPTransfer.from(context)?.takeHeader(bytes, size * count) ?? 0 }
      options.on_body = { bytes, size, count, context in HTTPTransfer.from(context)?.takeBody(bytes, size * count) ?? 0 }
      options.on_send = { bytes, size, count, context in HTTPTransfer.from(context)?.send(bytes, size * count) ?? Int(CURL_READFUNC_ABORT) }
      options.context = Unmanaged.passUnretained(self).toOpaque()
      options.error = errorText
      return berth_curl_prepare(UnsafeMutableRawPointer(easy), &options)
    }
  }

  private func send(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
    guard let outgoing, let bytes else { return 0 }
    do throws(BerthError) { return try outgoing.read(into: UnsafeMutableRawBufferPointer(start: bytes, count: count)) } catch {
      outgoingFailure = error
      return Int(CURL_READFUNC_ABORT)
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
    var rest = UnsafeRawBufferPointer(start: bytes, count: count)
    if let wanted, filled < wanted.count, taken == body.count {
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(wanted.count - filled))
      UnsafeMutableRawBufferPointer(rebasing: wanted[filled...]).copyMemory(from: part)
      filled += part.count
      rest = UnsafeRawBufferPointer(rebasing: rest[part.count...])
    }
    body += rest
    return count
  }

  /// Returns once something has come or ended, or after a moment; without `waits` at once.
  private func advance(waits: Bool = true) throws(TransferFailure) {
    var running: Int32 = 0
    guard curl_multi_perform(multi.raw, &running) == CURLM_OK else { throw TransferFailure(-1, words: "libcurl failed", url: url) }
    let finished = berth_curl_finished(multi.raw)
    if finished >= 0 {
      result = finished
    } else if waits, body.count == taken, filled == 0 {
      curl_multi_poll(multi.raw, nil, 0, 250, nil)
    }
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(BerthError) -> Int {
    if taken == body.count {
      do throws(TransferFailure) { return try receive(into: buffer) } catch {
        failure = error
        throw error.error
      }
    }
    let count = min(buffer.count, body.count - taken)
    body.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[taken..<taken + count])) }
    taken += count
    return count
  }

  /// Of what hasn't come yet; 0 at the end. What has come by the time that a quarter is full will do: more would not fit.
  private func receive(into buffer: UnsafeMutableRawBufferPointer) throws(TransferFailure) -> Int {
    body.removeAll(keepingCapacity: true)
    taken = 0
    (wanted, filled) = (buffer, 0)
    defer { (wanted, filled) = (nil, 0) }
    var before = -1
    while filled == 0 || (filled < buffer.count / 4 && filled > before) {
      if result != nil {
        if filled == 0 { try checkResult() }
        break
      }
      before = filled
      if isPaused {
        isPaused = false
        curl_easy_pause(UnsafeMutableRawPointer(easy), CURLPAUSE_CONT)
      }
      try advance(waits: filled == 0)
    }
    return filled
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

  private func checkResult() throws(TransferFailure) {
    guard let result, result != 0 else { return }
    if let outgoingFailure { throw TransferFailure(.refused, outgoingFailure) }
    throw TransferFailure(result, words: String(cString: errorText), url: url, proxy: proxy)
  }
}

/// Calls `body` with C strings, NULL for nil, that are valid during the call.
private func withOptionalCStrings<Result>(_ texts: [String?], _ body: ([UnsafePointer<CChar>?]) -> Result) -> Result {
  let copies = texts.map { $0.map { Array($0.utf8CString) } }
  func go(_ at: Int, _ pointers: [UnsafePointer<CChar>?]) -> Result {
    guard at < copies.count else { return body(pointers) }
    guard let copy = copies[at] else { return go(at + 1, pointers + [nil]) }
    return copy.withUnsafeBufferPointer { go(at + 1, pointers + [$0.baseAddress]) }
  }
  return go(0, [])
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

  /// Without a user name and password.
  static func proxy(_ proxy: String) -> String { text(proxy.lastIndex(of: "@").map { String(proxy[proxy.index(after: $0)...]) } ?? proxy) }

  /// Text from outside for people: one line of printable characters, at most 300.
  static func text(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.prefix(300).map { $0.value < 32 || (127..<160).contains($0.value) ? " " : $0 }))
  }
}
