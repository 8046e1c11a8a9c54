import NIOCore
import NIOHTTP1

/// Closes a connection on which no whole request arrives in time, so that a client that stalls gives its place back. How long an answer
/// takes is not its business: a wait or a stream may go on for days.
public final class RequestDeadline: ChannelInboundHandler {
  public typealias InboundIn = HTTPServerRequestPart

  /// From the connection, or the end of the answer before, to the request's last byte.
  public static let patience: Duration = .seconds(60)

  private let patience: TimeAmount
  private let connections: ConnectionTable
  private let isUpload: (HTTPRequestHead) -> Bool
  private var uploads = false
  private var isServing = false
  private var timer: Scheduled<Void>?

  /// Of a request that `isUpload`, which may take any time, each part has its own deadline: a body is read only as fast as its bytes
  /// can be put away, so that one is longer.
  init(patience: Duration, connections: ConnectionTable, isUpload: @escaping (HTTPRequestHead) -> Bool) {
    self.patience = TimeAmount(patience)
    self.connections = connections
    self.isUpload = isUpload
  }

  public func channelActive(context: ChannelHandlerContext) {
    arm(context)
    context.fireChannelActive()
  }

  public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .end:
      disarm()
      isServing = true
      connections.isServed(context.channel)
    case .head(let head):
      uploads = isUpload(head)
      if uploads {
        arm(context)
        connections.isServed(context.channel)
      }
    case .body: if uploads { arm(context) }
    }
    context.fireChannelRead(data)
  }

  public func channelWritabilityChanged(context: ChannelHandlerContext) {
    if isServing {
      if context.channel.isWritable { connections.isServed(context.channel) } else { connections.isUnread(context.channel) }
    }
    context.fireChannelWritabilityChanged()
  }

  public func channelInactive(context: ChannelHandlerContext) {
    disarm()
    context.fireChannelInactive()
  }

  private func arm(_ context: ChannelHandlerContext) {
    disarm()
    let channel = context.channel
    timer = context.eventLoop.scheduleTask(in: uploads ? patience * 10 : patience) { channel.close(promise: nil) }
  }

  private func disarm() {
    timer?.cancel()
    timer = nil
  }
}

extension RequestDeadline: ChannelOutboundHandler {
  public typealias OutboundIn = HTTPServerResponsePart

  public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if case .end = unwrapOutboundIn(data) {
      uploads = false
      isServing = false
      connections.waits(context.channel)
      arm(context)
    }
    context.write(data, promise: promise)
  }
}
