import BerthCore
import BerthLinux
import NIOCore
import NIOHTTP1
import NIOPosix

/// HTTP/1.1 on a unix socket, one event-loop thread. Connections, requests and bodies are bounded; a client that stalls holds up
/// nobody but itself.
public final class APIServer: Sendable {
  typealias HTTPChannel = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

  static let maximumBody = 4 << 20

  private let group: MultiThreadedEventLoopGroup
  private let channel: NIOAsyncChannel<HTTPChannel, Never>
  private let router: Router

  /// Binds `address`, a path, replacing a socket that nobody answers on. With `gid`, that group may connect.
  public init(address: String, gid: UInt32?, router: Router) async throws(BerthError) {
    self.router = router
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
        .bind(unixDomainSocketPath: path) { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.configureHTTPServerPipeline(withPipeliningAssistance: true, withErrorHandling: true)
            return try HTTPChannel(wrappingChannelSynchronously: channel)
          }
        }
      try Files.setMode(address, gid == nil ? 0o600 : 0o660)
      if let gid { try Files.setOwner(address, uid: 0, gid: gid) }
    } catch {
      throw BerthError(.unavailable, "listen", address, cause: "\(error)")
    }
  }

  /// Serves until the task is cancelled.
  public func run() async {
    _ = try? await channel.executeThenClose { clients in
      try await withThrowingDiscardingTaskGroup { group in
        for try await client in clients {
          group.addTask { [router] in await Self.serve(client, router) }
        }
      }
    }
  }

  private static func serve(_ client: HTTPChannel, _ router: Router) async {
    // A connection that breaks has nobody left to tell.
    try? await client.executeThenClose { inbound, outbound in
      var parts = inbound.makeAsyncIterator()
      while let part = try await parts.next() {
        guard case .head(let head) = part else { continue }
        let body = try await readBody(&parts)
        let response: APIResponse =
          if let body, let request = APIRequest(method: head.method.rawValue, uri: head.uri, body: body) {
            await router.respond(to: request)
          } else {
            .error(
              BerthError(
                .invalidArgument, "read request", cause: body == nil ? "the body is larger than \(maximumBody) bytes" : "malformed URI"))
          }
        try await write(response, to: outbound)
        response.afterwards?()
        if !head.isKeepAlive || body == nil { break }
      }
    }
  }

  /// nil: larger than the bound.
  private static func readBody(_ parts: inout NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator) async throws -> [UInt8]? {
    var body: [UInt8] = []
    while let part = try await parts.next() {
      switch part {
      case .head: return body
      case .body(let buffer):
        guard body.count + buffer.readableBytes <= maximumBody else { return nil }
        body += buffer.readableBytesView
      case .end: return body
      }
    }
    return body
  }

  private static func write(_ response: APIResponse, to outbound: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>) async throws {
    switch response.body {
    case .json(let value): try await write(value.encoded() + [10], status: response.status, type: "application/json", to: outbound)
    case .text(let text): try await write(Array(text.utf8), status: response.status, type: "text/plain; charset=utf-8", to: outbound)
    case .lines(let lines):
      try await outbound.write(head(response.status, ["content-type": "application/jsonl"]))
      for await line in lines { try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: line.encoded() + [10])))) }
    }
    try await outbound.write(.end(nil))
  }

  private static func head(_ status: Int, _ headers: HTTPHeaders) -> HTTPServerResponsePart {
    .head(HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: headers))
  }

  private static func write(
    _ bytes: [UInt8], status: Int, type: String, to outbound: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>
  ) async throws {
    try await outbound.write(head(status, ["content-type": type, "content-length": "\(bytes.count)"]))
    try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: bytes))))
  }
}
