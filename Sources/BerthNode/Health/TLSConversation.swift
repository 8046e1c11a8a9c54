import BerthPlan

/// Another conversation, inside TLS.
struct TLSConversation: ProbeConversation {
  private var inner: HTTPConversation
  private let session: TLSSession?
  private let first: [UInt8]
  private var hasOpened = false

  init(_ inner: HTTPConversation) {
    self.inner = inner
    session = try? TLSSession()
    // The handshake's first message; an error would come again with the answer.
    _ = try? session?.receive([])
    first = session?.takeOutput() ?? []
  }

  func opening() -> [UInt8] { first }

  mutating func receive(_ bytes: [UInt8]) -> ConversationStep {
    guard let session else { return .done(ProbeResult(false, "tls: out of memory")) }
    do throws(TLSSession.Failure) {
      let plain = try session.receive(bytes)
      if session.isOpen, !hasOpened {
        hasOpened = true
        try session.send(inner.opening())
      }
      if !plain.isEmpty {
        let step = inner.receive(plain)
        guard case .wait(let reply) = step else { return step }
        try session.send(reply)
      }
      return .wait(reply: session.takeOutput())
    } catch { return .done(ProbeResult(false, error.words)) }
  }

  func ended() -> ProbeResult { hasOpened ? inner.ended() : ProbeResult(false, "the connection was closed during the TLS handshake") }
}
