import BerthCore
import BerthLinux

/// The worker's end of its socket to the daemon. Messages may be sent from several threads.
public final class WorkerChannel: Sendable {
  private struct Reading {
    var lines = LineBuffer()
  }
  private let socket: FD
  private let sending = Monitor(())
  private let reading = Monitor(Reading())

  /// Takes over `socket`.
  public init(_ socket: consuming FD) { self.socket = socket }

  public func send(_ message: WorkerMessage) throws(BerthError) {
    let line = message.json.encoded() + [10]
    do throws(Errno) { try sending.with { (_) throws(Errno) in try ChildChannel.send(socket, line) } } catch {
      throw BerthError(.unavailable, "talk to berthd", cause: "\(error)")
    }
  }

  /// As `send`, for what nobody needs. If the daemon is gone, the next message that matters says so.
  public func report(_ message: WorkerMessage) { try? send(message) }

  /// The next line from the daemon.
  public func receive() throws(BerthError) -> JSON {
    while true {
      if let line = reading.with({ $0.lines.next() }) {
        do throws(JSONError) { return try JSON(parsing: line) } catch {
          throw WorkerProtocol.malformed("a line is not valid JSON: \(error)")
        }
      }
      let bytes: [UInt8]
      do throws(Errno) { bytes = try socket.read(upTo: 1 << 16) } catch {
        throw BerthError(.unavailable, "talk to berthd", cause: "\(error)")
      }
      guard !bytes.isEmpty else { throw BerthError(.cancelled, "talk to berthd", cause: "berthd has closed the connection") }
      try reading.with { (reading) throws(BerthError) in try reading.lines.append(bytes) }
    }
  }

  /// Asks which of an image's layers to unpack: each one's directory, and whether it is there already.
  func claim(_ claims: [LayerClaim]) throws(BerthError) -> [LayerGrant] {
    try send(.claim(claims))
    let reply = try receive()
    let grants = try LayerGrant.list(reply)
    guard grants.count == claims.count else { throw WorkerProtocol.malformed("the daemon's answer to a claim is malformed") }
    return grants
  }
}
