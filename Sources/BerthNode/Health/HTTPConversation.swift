import BerthCore
import BerthManifest
import BerthPlan

/// `http_get` over HTTP/1.1, in TLS or not, with the kubelet's rules: 200 to 399 is success, a redirect on the same host is followed, one to another
/// host is a success of its own. Nothing but the head of the answer is read.
struct HTTPConversation: ProbeConversation {
  /// Bytes of an answer's head.
  static let headLimit = 16 << 10
  /// As Go's client, which the kubelet uses.
  static let redirectLimit = 10

  let get: HTTPGet
  /// The address that is connected to.
  let host: String
  private(set) var path: String
  private(set) var port: UInt16
  private(set) var scheme: HTTPGet.Scheme
  private var redirects = 0
  private var head: [UInt8] = []

  init(_ get: HTTPGet, host: String) {
    self.get = get
    self.host = host
    path = get.path
    port = get.port
    scheme = get.scheme
  }

  private var authority: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }

  func opening() -> [UInt8] {
    var lines = ["GET \(path) HTTP/1.1"]
    // Names as HTTP compares them.
    let names = Set(get.headers.keys.map { $0.lowercased() })
    for (name, value) in [
      ("Host", authority), ("User-Agent", "kube-probe/1.31 (berth/\(BerthVersion.text))"), ("Accept", "*/*"), ("Connection", "close"),
    ] where !names.contains(name.lowercased()) {
      lines.append("\(name): \(value)")
    }
    for (name, value) in get.headers.sorted(by: { $0.key < $1.key }) { lines.append("\(name): \(value)") }
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
  }

  mutating func receive(_ bytes: [UInt8]) -> ConversationStep {
    head += bytes.prefix(Self.headLimit &- head.count)
    guard let lineEnd = head.firstIndex(of: 10) else {
      return head.count < Self.headLimit ? .wait(reply: []) : .done(ProbeResult(false, "the answer is no HTTP"))
    }
    guard let status = Self.status(head[..<lineEnd]) else { return .done(ProbeResult(false, "the answer is no HTTP")) }
    // An interim answer: the one that counts is still to come.
    if (100..<200).contains(status), status != 101 {
      guard let end = Self.headEnd(head) else { return head.count < Self.headLimit ? .wait(reply: []) : Self.tooLong }
      let rest = Array(head[end...])
      head = []
      return receive(rest)
    }
    guard (301...303).contains(status) || status == 307 || status == 308 else { return .done(Self.result(status)) }
    guard let end = Self.headEnd(head) else { return head.count < Self.headLimit ? .wait(reply: []) : Self.tooLong }
    return redirect(status, head[..<end])
  }

  private static let tooLong = ConversationStep.done(ProbeResult(false, "the head of the HTTP answer is longer than \(headLimit) bytes"))

  func ended() -> ProbeResult {
    ProbeResult(false, head.isEmpty ? "the connection was closed without an answer" : "the HTTP answer is cut off")
  }

  private static func result(_ status: Int) -> ProbeResult { ProbeResult((200..<400).contains(status), "HTTP status \(status)") }

  /// `HTTP/1.1 200 OK`.
  private static func status(_ line: ArraySlice<UInt8>) -> Int? {
    let words = line.split(separator: 32, maxSplits: 2).map { String(decoding: $0, as: UTF8.self) }
    guard words.count >= 2, words[0].hasPrefix("HTTP/"), let status = Int(words[1].prefix { $0 != "\r" }), (100...999).contains(status)
    else { return nil }
    return status
  }

  /// Behind the empty line.
  private static func headEnd(_ bytes: [UInt8]) -> Int? {
    var lineStart = 0
    for (at, byte) in bytes.enumerated() where byte == 10 {
      let line = bytes[lineStart..<at]
      if line.isEmpty || line.elementsEqual([13]) { return at + 1 }
      lineStart = at + 1
    }
    return nil
  }

  // MARK: redirects

  private func redirect(_ status: Int, _ head: ArraySlice<UInt8>) -> ConversationStep {
    guard let location = Self.header("location", in: head), !location.isEmpty else { return .done(Self.result(status)) }
    guard let target = target(of: location) else {
      // Kubernetes doesn't follow it out of the pod, and takes the answer for a sign of life.
      return .done(ProbeResult(true, "HTTP status \(status), a redirect to another host, which is not followed"))
    }
    guard redirects + 1 < Self.redirectLimit else { return .done(ProbeResult(false, "stopped after \(Self.redirectLimit) redirects")) }
    var next = self
    (next.scheme, next.path, next.port) = target
    next.redirects += 1
    next.head = []
    return .follow(next)
  }

  private static func header(_ name: String, in head: ArraySlice<UInt8>) -> String? {
    for line in head.split(separator: 10).dropFirst() {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
      guard String(decoding: line[..<colon], as: UTF8.self).lowercased() == name else { continue }
      let value = line[(colon + 1)...].drop { $0 == 32 || $0 == 9 }
      // Nothing that would put lines of its own into the next request.
      return String(decoding: value.prefix { $0 > 32 && $0 != 127 }, as: UTF8.self)
    }
    return nil
  }

  /// Where on the same host; nil for any other.
  private func target(of location: String) -> (scheme: HTTPGet.Scheme, path: String, port: UInt16)? {
    if location.hasPrefix("//") { return nil }
    if location.hasPrefix("/") { return (scheme, location, port) }
    guard let end = location.range(of: "://") else {
      // Relative to the folder of the path.
      let folder = path.prefix(while: { $0 != "?" })
      return (scheme, "\(folder[...(folder.lastIndex(of: "/") ?? folder.startIndex)])\(location)", port)
    }
    guard let scheme = HTTPGet.Scheme(rawValue: location[..<end.lower].lowercased()) else { return nil }
    let rest = location[end.upper...]
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    var path = String(rest[authority.endIndex...])
    if !path.hasPrefix("/") { path = "/" + path }
    let own = host.contains(":") ? "[\(host)]" : host
    if authority == own { return (scheme, path, scheme == .https ? 443 : 80) }
    guard authority.hasPrefix(own + ":"), let port = UInt16(authority.dropFirst(own.count + 1)) else { return nil }
    return (scheme, path, port)
  }
}

extension String {
  /// Where `text` stands first.
  fileprivate func range(of text: String) -> (lower: Index, upper: Index)? {
    var at = startIndex
    while at < endIndex {
      if self[at...].hasPrefix(text) { return (at, index(at, offsetBy: text.count)) }
      at = index(after: at)
    }
    return nil
  }
}
