import BerthCore
import BerthLinux
import BerthNode
import NIOCore
import NIOHTTP1
import NIOPosix

/// HTTP/1.1 on a unix socket, one event-loop thread. Connections, requests and bodies are bounded; a client that stalls holds up
/// nobody but itself.
public final class APIServer: Sendable {
  typealias HTTPChannel = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

  static let maximumBody = 4 << 20
  /// Connections at a time. For one more, one that isn't in use is closed; where all are, it is answered 429.
  static let maximumConnections = 256
  /// Far more than any client of ours sends.
  private static let heads: NIOHTTPDecoderLimitConfiguration = {
    var limits = NIOHTTPDecoderLimitConfiguration()
    (limits.maxHeaderFieldSize, limits.maxHeaderListSize, limits.maxHeaderFieldCount) = (32 << 10, 64 << 10, 64)
    return limits
  }()

  private let group: MultiThreadedEventLoopGroup
  private let channel: NIOAsyncChannel<HTTPChannel, Never>
  private let router: Router
  private let audit: @Sendable (Peer, APIRequest) -> Void
  private let connections = ConnectionTable(limit: maximumConnections)
  private let bodies = BodyBudget()

  /// Who is at the other end of a connection, as the kernel knew it when it was made.
  public struct Peer: Sendable, Hashable {
    public var pid: Int32
    public var uid: UInt32
    public var gid: UInt32
  }

  /// `audit` is told of every request that may change something, before it is served.
  /// `patience`: how long a client may take for a request.
  /// Binds `address`, a path, replacing a socket that nobody answers on. With `gid`, that group may connect.
  public init(
    address: String, gid: UInt32?, router: Router, patience: Duration = RequestDeadline.patience,
    audit: @escaping @Sendable (Peer, APIRequest) -> Void = { _, _ in }
  ) async throws(BerthError) {
    self.router = router
    self.audit = audit
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    if (try? StreamSocket.connect(address)) != nil {
      throw BerthError(.alreadyExists, "listen", address, cause: "another program answers there; name another socket with --address")
    }
    do {
      let directory = try Files.open(Files.parent(of: address), FileFlags.path | FileFlags.directory)
      try Files.unlink(address)
      // By way of the folder's descriptor: sun_path holds 107 bytes only.
      let path = address.utf8.count < 100 ? address : "/proc/self/fd/\(directory.raw)/\(Files.name(of: address))"
      channel = try await ServerBootstrap(group: group).serverChannelOption(.backlog, value: 128)
        .bind(unixDomainSocketPath: path) { [connections] in
          Self.prepare($0, router, patience, connections)
        }
      try Files.setMode(address, gid == nil ? 0o600 : 0o660)
      if let gid { try Files.setOwner(address, uid: 0, gid: gid) }
    } catch {
      throw BerthError(.unavailable, "listen", address, cause: "\(error)")
    }
  }

  /// On a TCP port of this node, for routes that everybody here may ask.
  public init(loopback address: LoopbackAddress, router: Router, patience: Duration = RequestDeadline.patience) async throws(BerthError) {
    self.router = router
    audit = { _, _ in }
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    do {
      channel = try await ServerBootstrap(group: group).serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .bind(host: address.host, port: Int(address.port)) { [connections] in
          Self.prepare($0, router, patience, connections)
        }
    } catch {
      throw BerthError(.unavailable, "listen", "\(address.host):\(address.port)", cause: "\(error); see [metrics] address")
    }
  }

  private static func prepare(
    _ channel: Channel, _ router: Router, _ patience: Duration, _ connections: ConnectionTable
  ) -> EventLoopFuture<HTTPChannel> {
    channel.eventLoop.makeCompletedFuture {
      connections.add(channel)
      try channel.pipeline.syncOperations.configureHTTPServerPipeline(
        withPipeliningAssistance: true, withErrorHandling: true, withEncoderConfiguration: .init(), withDecoderLimitConfiguration: heads)
      try channel.pipeline.syncOperations.addHandler(
        RequestDeadline(patience: patience, connections: connections) { router.takesUpload(method: $0.method.rawValue, uri: $0.uri) })
      return try HTTPChannel(wrappingChannelSynchronously: channel)
    }
  }

  /// Serves until the task is cancelled.
  public func run() async {
    _ = try? await channel.executeThenClose { clients in
      try await withThrowingDiscardingTaskGroup { group in
        for try await client in clients {
          let hasRoom = connections.makeRoom(for: client.channel)
          group.addTask { [self] in await serve(client, hasRoom ? router : .overloaded) }
        }
      }
    }
  }

  private func serve(_ client: HTTPChannel, _ router: Router) async {
    let peer = await Self.peer(of: client.channel)
    // A connection that breaks has nobody left to tell.
    let afterwards = try? await client.executeThenClose { inbound, outbound -> (@Sendable () -> Void)? in
      var parts = inbound.makeAsyncIterator()
      while let part = try await parts.next() {
        guard case .head(let head) = part else { continue }
        if router.takesUpload(method: head.method.rawValue, uri: head.uri) {
          let response = await Self.receive(head, &parts, router) { audit(peer, $0) }
          try await write(ReadyAnswer(response), to: outbound, while: client.channel)
          // What is left of the body isn't read.
          break
        }
        let body = try await readBody(&parts)
        if let afterwards = try await respond(head, body, peer, router, to: outbound, while: client.channel) { return afterwards }
        if !head.isKeepAlive { break }
        if case .failure = body { break }
      }
      return nil
    }
    // Written isn't sent yet: only once the connection is closed the peer has all of it.
    afterwards?()
  }

  /// Returns what is to be called once the client has the answer.
  private func respond(
    _ head: HTTPRequestHead, _ body: Result<[UInt8], BerthError>, _ peer: Peer, _ router: Router,
    to outbound: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>, while channel: Channel
  ) async throws -> (@Sendable () -> Void)? {
    let (answer, afterwards) = await ready(head, body, peer, router)
    try await write(answer, to: outbound, while: channel)
    return afterwards
  }

  /// What the encoded answer was made of, which takes several times its room, doesn't wait for the client.
  private func ready(
    _ head: HTTPRequestHead, _ body: Result<[UInt8], BerthError>, _ peer: Peer, _ router: Router
  ) async -> (ReadyAnswer, afterwards: (@Sendable () -> Void)?) {
    let response = await answer(head, body, peer, router)
    return (ReadyAnswer(response), response.afterwards)
  }

  private func answer(_ head: HTTPRequestHead, _ body: Result<[UInt8], BerthError>, _ peer: Peer, _ router: Router) async -> APIResponse {
    switch body {
    case .failure(let error): return .error(error)
    case .success(let bytes):
      defer { bodies.release(bytes.count) }
      guard let request = APIRequest(method: head.method.rawValue, uri: head.uri, body: bytes) else {
        return .error(BerthError(.invalidArgument, "read request", cause: "malformed URI"))
      }
      if head.method != .GET && head.method != .HEAD { audit(peer, request) }
      return await router.respond(to: request)
    }
  }

  /// A request whose body is passed on as it comes.
  private static func receive(
    _ head: HTTPRequestHead, _ parts: inout NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator, _ router: Router,
    _ audit: (APIRequest) -> Void
  ) async -> APIResponse {
    guard let request = APIRequest(method: head.method.rawValue, uri: head.uri, body: []) else {
      return .error(BerthError(.invalidArgument, "read request", cause: "malformed URI"))
    }
    audit(request)
    let response = await router.respond(to: request)
    guard case .upload(let sink) = response.body else { return response }
    while let part = try? await parts.next() {
      switch part {
      case .head: break
      case .body(let buffer): if !(await sink.write(Array(buffer.readableBytesView))) { return await sink.end(true) }
      case .end: return await sink.end(true)
      }
    }
    return await sink.end(false)
  }

  private static func peer(of channel: Channel) async -> Peer {
    let unknown = Peer(pid: 0, uid: .max, gid: .max)
    guard let options = channel as? SocketOptionProvider else { return unknown }
    // struct ucred: pid, uid, gid.
    let credentials: EventLoopFuture<Peer> = options.unsafeGetSocketOption(
      level: .socket, name: .init(rawValue: StreamSocket.peerCredentialsOption))
    return (try? await credentials.get()) ?? unknown
  }

  /// What it returns takes its share of `bodies` until that is released; a failure, or an error, takes nothing.
  private func readBody(
    _ parts: inout NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator
  ) async throws -> Result<[UInt8], BerthError> {
    var body: [UInt8] = []
    func refusal(_ code: ErrorCode, _ cause: String) -> Result<[UInt8], BerthError> {
      bodies.release(body.count)
      return .failure(BerthError(code, "read request", cause: cause))
    }
    do {
      while let part = try await parts.next() {
        guard case .body(let buffer) = part else { break }
        guard body.count + buffer.readableBytes <= Self.maximumBody else {
          return refusal(.invalidArgument, "the body is larger than \(Self.maximumBody) bytes")
        }
        guard bodies.grow(from: body.count, by: buffer.readableBytes) else {
          return refusal(.resourceExhausted, "too many large requests at a time; try again")
        }
        body += buffer.readableBytesView
      }
    } catch {
      bodies.release(body.count)
      throw error
    }
    return .success(body)
  }

  private func write(
    _ answer: ReadyAnswer, to outbound: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>, while channel: Channel
  ) async throws {
    switch answer {
    case .whole(let whole): try await write(whole, to: outbound, while: channel)
    case .streamed(let response): try await Self.stream(response, to: outbound, while: channel)
    }
    // Past the writer, so that this waits until the kernel has all of it: closing a channel drops what it still holds.
    try await channel.writeAndFlush(HTTPServerResponsePart.end(nil)).get()
    connections.hasSent(channel)
  }

  /// An answer that waits here for its client, until the kernel has all of it: all of them share a bound.
  private func write(
    _ whole: WholeAnswer, to outbound: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>, while channel: Channel
  ) async throws {
    let answer = connections.admit(whole.bytes.readableBytes, for: channel) ? whole : .refused
    try await outbound.write(
      Self.head(answer.status, ["content-type": answer.type, "content-length": "\(answer.bytes.readableBytes)"]))
    for piece in answer.pieces {
      let sent = channel.eventLoop.makePromise(of: Void.self)
      sent.futureResult.whenSuccess { [connections] in connections.progresses(channel) }
      channel.write(HTTPServerResponsePart.body(.byteBuffer(piece)), promise: sent)
    }
  }

  private static func stream(
    _ response: APIResponse, to outbound: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>, while channel: Channel
  ) async throws {
    switch response.body {
    case .json, .text: break
    case .lines(let lines):
      try await outbound.write(head(response.status, ["content-type": "application/jsonl"]))
      // A client that goes ends the stream now, not with its next line.
      let writing = Task {
        for await line in lines { try await send(line.encoded() + [10], to: outbound, of: channel) }
      }
      channel.closeFuture.whenComplete { _ in writing.cancel() }
      try await writing.value
    case .stream(let next):
      try await outbound.write(head(response.status, ["content-type": "application/x-tar"]))
      while let piece = try await next() { try await send(piece, to: outbound, of: channel) }
    case .upload: throw BerthError(.bug, "serve", cause: "an upload without its request's body")
    case .bytes(let count, let next):
      try await outbound.write(head(response.status, ["content-type": "application/octet-stream", "content-length": "\(count)"]))
      while let piece = try await next() { try await send(piece, to: outbound, of: channel) }
    }
  }

  /// Returns once the connection has it and takes more: the writer alone would take many before the connection has seen the first.
  private static func send(
    _ bytes: [UInt8], to outbound: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>, of channel: Channel
  ) async throws {
    try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: bytes))))
    try await channel.eventLoop.submit {}.get()
  }

  private static func head(_ status: Int, _ headers: HTTPHeaders) -> HTTPServerResponsePart {
    .head(HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: headers))
  }
}
