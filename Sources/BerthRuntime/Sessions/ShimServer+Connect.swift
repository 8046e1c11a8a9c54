import BerthCore
import BerthLinux

/// Connections to ports of the pod. The shim lives in the pod's network namespace: a socket that it makes is of there, wherever it goes.
extension ShimServer {
  /// The client gets a socket that is connecting, and what becomes of it from the socket itself.
  func connect(_ session: ShimSession, to port: UInt16, isSix: Bool) throws(BerthError) {
    do throws(Errno) {
      let socket = try TCPSocket.connect(isSix ? "::1" : "127.0.0.1", port: port)
      session.tell(.running(pid: 0), passing: socket.raw)
    } catch { throw error.wrapped("connect to pod", "port \(port)") }
    end(session)
  }
}
