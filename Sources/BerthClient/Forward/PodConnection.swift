import BerthCore
import BerthLinux
import BerthRuntime

/// Opens a connection to a port of a pod: a socket made in the pod's network namespace, which comes over a one-time socket. Nobody
/// stands between it and the pod from then on.
public enum PodConnection {
  /// How long a pod may take to accept.
  private static let patience: Duration = .seconds(10)

  /// Connects by IPv4, and by IPv6 where nobody listens there. `route`: of the pod. Throws `.unavailable` if nobody listens.
  public static func open(_ client: APIClient, route: String, port: UInt16) throws(BerthError) -> FD {
    for isSix in [false, true] {
      let answer = try client.json("POST", "\(route)/port-forward", body: ["port": .integer(Int64(port)), "ipv6": .bool(isSix)])
      guard let path = answer["socket"]?.string else { throw BerthError(.bug, "connect to pod", cause: "the daemon named no socket") }
      do throws(BerthError) { if let socket = try receive(path, port: port) { return socket } } catch {
        // A pod without IPv6 has no such address.
        if !isSix { throw error }
      }
    }
    throw BerthError(.unavailable, "connect to pod", "port \(port)", cause: "nobody listens there in the pod (ECONNREFUSED)")
  }

  /// nil: refused.
  private static func receive(_ path: String, port: UInt16) throws(BerthError) -> FD? {
    let passed: Passed
    do throws(Errno) { passed = try take(path) } catch { throw failure(port, error) }
    switch consume passed {
    case .refusal(let error): throw error
    case .socket(let socket):
      do throws(Errno) { if try !Descriptors.isWritable(socket.raw, within: patience) { throw .timedOut } } catch {
        throw failure(port, error)
      }
      guard let failed = TCPSocket.error(of: socket) else { return socket }
      if failed == .connectionRefused { return nil }
      throw failure(port, failed)
    }
  }

  private enum Passed: ~Copyable {
    case socket(FD)
    case refusal(BerthError)
  }

  private static func take(_ path: String) throws(Errno) -> Passed {
    let session = try PacketConnection.connect(in: Files.parent(of: path), name: Files.name(of: path))
    try PacketConnection.send(SessionMessage.begin.encoded(), over: session)
    guard try !Descriptors.waitReadable([session.raw], timeout: patience).isEmpty else { throw .timedOut }
    var passed = PassedDescriptors()
    let packet = try PacketConnection.receive(limit: SessionMessage.maxPacket, from: session, passed: &passed)
    if case .failed(let error) = (try? SessionMessage(packet: packet ?? [])) ?? nil { return .refusal(error) }
    guard let socket = passed.takeFirst() else { throw .connectionReset }
    return .socket(socket)
  }

  private static func failure(_ port: UInt16, _ error: Errno) -> BerthError {
    BerthError(.unavailable, "connect to pod", "port \(port)", cause: "\(error)")
  }
}
