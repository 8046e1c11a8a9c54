import BerthCore
import BerthRuntime

extension Pod {
  /// Readies a session with a connection to a port of the pod's loopback interface (IPv6's where `isSix`): the path of its one-time
  /// socket. Throws `.unsupported` if its shim is of a Berth that couldn't do this.
  public func openConnection(port: UInt16, isSix: Bool) async throws(BerthError) -> String {
    let reply = try await connection("connect to pod").request(.connect(port: port, isSix: isSix), deadline: deadline(Self.answerTime))
    guard case .session(let socket) = reply else {
      throw BerthError(.bug, "connect to pod", "\(key)", cause: "the shim answered something else")
    }
    return "\(paths.state)/\(socket)"
  }
}
