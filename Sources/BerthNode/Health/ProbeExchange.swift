import BerthCore
import BerthLinux
import BerthManifest
import BerthPlan

/// One probe or hook under way, on the monitor's thread: a connection, or a pause.
final class ProbeExchange {
  private final class Socket {
    let fd: FD
    init(_ fd: consuming FD) { self.fd = fd }
  }

  enum Progress {
    case waiting
    case done(ProbeResult)
  }

  let deadline: Instant
  /// What the deadline means.
  let atDeadline: ProbeResult
  private let completion: (ProbeResult) -> Void
  private var socket: Socket?
  private var isConnected = false
  private var conversation: (any ProbeConversation)?
  private var unsent: ArraySlice<UInt8> = []
  private let action: ProbeAction?
  private let networkOf: Int32?
  /// Loopback, in both families: what listens on all addresses or on one of these is found.
  private var hosts = ["127.0.0.1", "::1"]
  private var port: UInt16 = 0

  /// A pause that ends well.
  init(pauseUntil deadline: Instant, completion: @escaping (ProbeResult) -> Void) {
    self.deadline = deadline
    self.completion = completion
    action = nil
    networkOf = nil
    atDeadline = ProbeResult(true, "")
  }

  init(_ action: ProbeAction, networkOf: Int32?, deadline: Instant, completion: @escaping (ProbeResult) -> Void) {
    self.action = action
    self.networkOf = networkOf
    self.deadline = deadline
    self.completion = completion
    atDeadline = ProbeResult(false, "no answer in time")
  }

  var descriptor: Int32? { socket?.fd.raw }

  func finish(_ result: ProbeResult) { completion(result) }

  /// At a turn. Who goes on and on, as with interim answers, keeps no other exchange waiting and doesn't outrun its deadline.
  static let readsPerTurn = 16
  /// Bytes that wait for the other side to take them: more than any request has, so that it asks for replies without reading them.
  private static let unsentLimit = 2 << 20

  /// What to wait for.
  var interest: Epoll.Interest { isConnected && unsent.isEmpty ? .input : [.input, .output] }

  /// Begins to connect, to the first host that doesn't refuse at once.
  func connect(_ hopper: borrowing NetworkNamespaceHopper) -> Progress {
    var failure = "nothing to connect to"
    while let host = hosts.first {
      hosts.removeFirst()
      do throws(Errno) {
        socket = nil
        isConnected = false
        prepare(host)
        let (host, port) = (host, port)
        if let networkOf {
          socket = Socket(try hopper.run(in: networkOf) { () throws(Errno) in try TCPSocket.connect(host, port: port) })
        } else {
          socket = Socket(try TCPSocket.connect(host, port: port))
        }
        return .waiting
      } catch { failure = "connect to port \(port): \(error)" }
    }
    return .done(ProbeResult(false, failure))
  }

  private func prepare(_ host: String) {
    switch action {
    case .httpGet(let get)?:
      let request = followed ?? HTTPConversation(get, host: host)
      port = request.port
      conversation = request.scheme == .https ? TLSConversation(request) : request
    case .tcpSocket(let number)?: port = number
    case .grpc(let number, let service)?:
      port = number
      conversation = GRPCConversation(service: service, authority: "\(host == "::1" ? "[::1]" : host):\(number)")
    case .exec?, nil: break
    }
  }
  /// What a redirect asks for, of the host that gave it.
  private var followed: HTTPConversation?

  /// The socket is ready for something. `connect` is to be called again where the result says so.
  func advance(_ hopper: borrowing NetworkNamespaceHopper) -> Progress {
    guard socket != nil else { return .waiting }
    do throws(Errno) {
      if !isConnected {
        if let error = socketError() {
          return hosts.isEmpty ? .done(ProbeResult(false, "connect to port \(port): \(error)")) : connect(hopper)
        }
        isConnected = true
        guard let conversation else { return .done(ProbeResult(true, "port \(port) accepts")) }
        unsent = conversation.opening()[...]
      }
      try send()
      for _ in 0..<Self.readsPerTurn {
        guard let bytes = try receive() else { break }
        guard !bytes.isEmpty else { return .done(conversation?.ended() ?? ProbeResult(false, "closed")) }
        switch conversation?.receive(bytes) ?? .done(ProbeResult(false, "closed")) {
        case .wait(let reply): unsent += reply
        case .done(let result): return .done(result)
        case .follow(let next):
          followed = next
          hosts = [next.host]
          return connect(hopper)
        }
        try send()
        if unsent.count > Self.unsentLimit { return .done(ProbeResult(false, "the server asks for replies and doesn't read them")) }
      }
      return .waiting
    } catch { return .done(ProbeResult(false, "\(error)")) }
  }

  private func socketError() -> Errno? {
    guard let socket else { return nil }
    return TCPSocket.error(of: socket.fd)
  }

  private func receive() throws(Errno) -> [UInt8]? {
    guard let socket else { return nil }
    return try TCPSocket.receive(socket.fd, upTo: 4096)
  }

  private func send() throws(Errno) {
    guard let socket, !unsent.isEmpty else { return }
    unsent = unsent.dropFirst(try TCPSocket.send(unsent, over: socket.fd))
  }
}
