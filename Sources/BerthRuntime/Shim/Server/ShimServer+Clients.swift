import BerthCore
import BerthLinux

/// A connection to a shim.
final class ShimClient {
  let index: UInt32
  let socket: FD

  init(index: UInt32, socket: consuming FD) {
    self.index = index
    self.socket = consume socket
  }
}

extension ShimServer {
  func admit(_ socket: consuming FD) throws(Errno) {
    let client = ShimClient(index: nextIndex(), socket: consume socket)
    try epoll.add(client.socket.raw, .input, token: Self.token(.client, client.index))
    clients.append(client)
  }

  /// Nobody to ask and nothing to keep: a shim without a sandbox ends with its last client, a keeper with its last container, too.
  func drop(_ index: UInt32) {
    guard let at = clients.firstIndex(where: { $0.index == index }) else { return }
    // Before it is closed: a launcher that was forked meanwhile may hold a copy.
    epoll.remove(clients[at].socket.raw)
    clients.remove(at: at)
    endIfIdle()
  }

  func endIfIdle() {
    if case .ready = sandbox { return }
    if clients.isEmpty, containers.allSatisfy(\.hasEnded) { isDone = true }
  }

  /// One packet.
  func receive(_ index: UInt32) {
    guard let client = clients.first(where: { $0.index == index }) else { return }
    switch try? PacketConnection.receive(into: scratch.bytes, from: client.socket) {
    case .message(let count):
      markScratchUsed()
      handle([UInt8](scratch.bytes[..<count]), from: index)
    case .truncated:
      let header = ShimHeader([UInt8](scratch.bytes[..<ShimProtocol.headerSize]))
      refuse(.invalidArgument, "a packet longer than \(ShimProtocol.maxPacket) bytes", header?.id ?? 0, index)
    case .nothing: break
    case .closed, nil: drop(index)
    }
  }

  private func handle(_ packet: [UInt8], from index: UInt32) {
    // Without a header there is nobody to answer.
    guard let header = ShimHeader(packet) else { return drop(index) }
    guard (ShimProtocol.firstVersion...ShimProtocol.version).contains(header.version) else {
      return refuse(.unsupported, "version \(header.version) of the protocol is not known here", header.id, index)
    }
    do throws(ByteReaderError) {
      guard let request = try ShimRequest(header, packet: packet) else {
        return refuse(.unsupported, "message type \(header.type) is not known here", header.id, index)
      }
      perform(request, id: header.id, from: index)
    } catch { refuse(.invalidArgument, error.description, header.id, index) }
  }

  private func refuse(_ code: ErrorCode, _ cause: String, _ id: UInt32, _ index: UInt32) {
    reply(.error(BerthError(code, "read request", "shim", cause: cause)), to: id, of: index)
  }

  func reply(_ reply: ShimReply, to id: UInt32, of index: UInt32) { send(reply.encoded(id: id), to: index) }

  /// To every client.
  func publish(_ event: ShimEvent) {
    let packet = event.encoded()
    for index in clients.map(\.index) { send(packet, to: index) }
  }

  /// The socket's buffer is the queue: a client that lets it fill is dropped, and reads the state when it comes back.
  private func send(_ packet: [UInt8], to index: UInt32) {
    guard let client = clients.first(where: { $0.index == index }) else { return }
    do throws(Errno) { try PacketConnection.send(packet, over: client.socket) } catch { drop(index) }
  }
}
