import CTLS

/// One TLS connection's client side, between plain bytes and the wire's: no socket in it. It checks no certificate and sends no server
/// name, as the kubelet's probes don't: what is asked is whether somebody is well, at an address that is the pod's own.
final class TLSSession {
  struct Failure: Error {
    /// As the end of a sentence: `tls: wrong version number`.
    var words: String
  }

  /// One for the process: it costs a millisecond to make. OpenSSL lets threads share it once it is set up, and nothing changes it later.
  private struct Context: @unchecked Sendable {
    let raw: OpaquePointer?
    static let shared = Context()
    init() {
      raw = SSL_CTX_new(TLS_client_method())
      SSL_CTX_set_verify(raw, SSL_VERIFY_NONE, nil)
      _ = berth_tls_set_minimum(raw, TLS1_2_VERSION)
      // A weak key is no reason to think somebody ill.
      SSL_CTX_set_security_level(raw, 0)
    }
  }

  private let ssl: OpaquePointer
  /// From the wire and to it; `ssl` owns both.
  private let input: OpaquePointer
  private let output: OpaquePointer
  /// Whether the handshake is done.
  private(set) var isOpen = false

  init() throws(Failure) {
    guard let ssl = SSL_new(Context.shared.raw) else { throw Self.failure("no session") }
    guard let input = BIO_new(BIO_s_mem()), let output = BIO_new(BIO_s_mem()) else {
      SSL_free(ssl)
      throw Self.failure("no buffer")
    }
    SSL_set_bio(ssl, input, output)
    SSL_set_connect_state(ssl)
    (self.ssl, self.input, self.output) = (ssl, input, output)
  }

  deinit { SSL_free(ssl) }

  /// Takes what arrived, gives back what it says in plain.
  func receive(_ bytes: [UInt8]) throws(Failure) -> [UInt8] {
    // A memory buffer takes all of it.
    if !bytes.isEmpty, BIO_write(input, bytes, Int32(clamping: bytes.count)) != bytes.count { throw Self.failure("no memory") }
    if !isOpen {
      let result = SSL_do_handshake(ssl)
      isOpen = result == 1
      guard isOpen else {
        try wantsMore(result)
        return []
      }
    }
    var plain: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = SSL_read(ssl, &chunk, Int32(chunk.count))
      guard count > 0 else {
        try wantsMore(count)
        return plain
      }
      plain += chunk.prefix(Int(count))
    }
  }

  /// Only once the session is open.
  func send(_ plain: [UInt8]) throws(Failure) {
    guard !plain.isEmpty else { return }
    if SSL_write(ssl, plain, Int32(clamping: plain.count)) != plain.count { throw Self.failure("cannot send") }
  }

  /// What is to go over the wire now.
  func takeOutput() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(output))
    guard !bytes.isEmpty else { return [] }
    let count = BIO_read(output, &bytes, Int32(clamping: bytes.count))
    return Array(bytes.prefix(max(0, Int(count))))
  }

  /// A result that isn't success: only more bytes are wanted, or the other side has said that it is done, or it is a failure.
  private func wantsMore(_ result: Int32) throws(Failure) {
    switch SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE, SSL_ERROR_ZERO_RETURN: return
    default: throw Self.failure("the handshake failed")
    }
  }

  /// The first of the errors that OpenSSL queued on this thread; none is left behind for the next session.
  private static func failure(_ otherwise: String) -> Failure {
    let code = ERR_get_error()
    ERR_clear_error()
    let reason = ERR_reason_error_string(code).map { String(cString: $0) }
    return Failure(words: "tls: \(reason ?? otherwise)")
  }
}
