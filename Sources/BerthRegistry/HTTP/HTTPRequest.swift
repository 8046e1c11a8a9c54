import BerthArchive
import BerthCore
import BerthImages
import CBerthCurl
import CCurl

/// One request as it goes over the wire.
struct HTTPRequest {
  var method = "GET"
  var url: String
  var headers: [String] = []
  var allowsPlain = false
  var authorities: String?
  var client: RegistryEndpoint.ClientCertificate?
  var skipsVerification = false
  var proxy: String?
  var proxyExceptions: String?
  var timeouts = RegistryTimeouts()
  /// Of the whole transfer, in milliseconds; 0: none.
  var timeout = 0
  var body: Body?

  /// What is sent, of exactly `size` bytes.
  struct Body {
    var source: any ByteSource
    var size: Int64

    init(_ source: any ByteSource, size: Int64) {
      self.source = source
      self.size = size
    }

    init(_ bytes: [UInt8]) { self.init(MemorySource(bytes), size: Int64(bytes.count)) }
  }

  init(_ method: String = "GET", url: String) {
    self.method = method
    self.url = url
  }
}

/// Why there is no answer, or no more of it.
struct TransferFailure: Error {
  enum Kind {
    /// No connection, or not to the right one: waiting a moment won't help.
    case unreachable
    /// The other side speaks something else than TLS.
    case noTLS
    /// Broken off, too slow or cut short on the way.
    case broken
    /// Given up by this side.
    case refused
  }
  var kind: Kind
  var error: BerthError

  init(_ kind: Kind, _ error: BerthError) {
    self.kind = kind
    self.error = error
  }

  /// `proxy`: the one that is set, if any.
  init(_ code: Int32, words: String, url: String, proxy: String? = nil) {
    let kind = CURLcode(rawValue: UInt32(bitPattern: code))
    let subject = Redaction.url(url)
    let reason = words.isEmpty ? String(cString: curl_easy_strerror(kind)) : words
    let text = reason + (proxy.map { "; berthd's environment has the proxy \(Redaction.proxy($0))" } ?? "")
    func make(_ kind: Kind, _ code: ErrorCode, _ cause: String) -> TransferFailure {
      TransferFailure(kind, BerthError(code, "request", subject, cause: Redaction.text(cause)))
    }
    self =
      switch kind {
      case CURLE_SSL_CONNECT_ERROR where reason.contains("wrong version number"):
        make(.noTLS, .unavailable, "it doesn't speak TLS (a registry named in [registry] insecure is asked over plain HTTP): \(text)")
      case CURLE_SSL_CONNECT_ERROR: make(.noTLS, .unavailable, text)
      case CURLE_OPERATION_TIMEDOUT: make(.broken, .deadlineExceeded, text)
      case CURLE_PARTIAL_FILE: make(.broken, .dataLoss, "truncated: \(text)")
      case CURLE_PEER_FAILED_VERIFICATION:
        make(.unreachable, .unavailable, "\(text) (a CA of the registry's own belongs into its directory below [registry] config_path)")
      case CURLE_SSL_CERTPROBLEM:
        make(.unreachable, .unavailable, "the client certificate and key that are configured for it can't be used together: \(text)")
      case CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_SSL_CACERT_BADFILE:
        make(.unreachable, .unavailable, text)
      case CURLE_WRITE_ERROR, CURLE_ABORTED_BY_CALLBACK, CURLE_UNSUPPORTED_PROTOCOL: make(.refused, .unavailable, text)
      default: make(.broken, .unavailable, text)
      }
  }
}
