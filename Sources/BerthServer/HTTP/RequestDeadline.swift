import NIOCore
import NIOHTTP1

/// Closes a connection on which no whole request arrives in time, so that a client that stalls gives its place back. How long an answer
/// takes is not its business: a wait or a stream may go on for days.
public final class RequestDeadline: ChannelInboundHandler {
  public typealias InboundIn = HTTPServerRequestPart

  /// From the connection, or the end of the answer before, to the request's last byte.
  public static let patience: Duration = .seconds(60)

  private let patience: TimeAmount
  private var timer: Scheduled<Void>?

  init(patience: Duration) { self.patience = TimeAmount(patience) }

  public func channelActive(context: ChannelHandlerContext) {
    arm(context)
    context.fireChannelActive()
  }

  public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .end: disarm()
    case .head, .body: break
    }
    context.fireChannelRead(data)
  }

  public func channelInactive(context: ChannelHandlerContext) {
    disarm()
    context.fireChannelInactive()
  }

  private func arm(_ context: ChannelHandlerContext) {
    disarm()
    let channel = context.channel
    timer = context.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
  }

  private func disarm() {
    timer?.cancel()
    timer = nil
  }
}

extension RequestDeadline: ChannelOutboundHandler {
  public typealias OutboundIn = HTTPServerResponsePart

  public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if case .end = unwrapOutboundIn(data) { arm(context) }
    context.write(data, promise: promise)
  }
}
