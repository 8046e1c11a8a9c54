import CBerthSys
import Glibc

/// Connections over unix sockets of kind SOCK_SEQPACKET, which keep the borders of messages.
public enum PacketConnection {
  /// Who is at the other end, as the kernel knew it when the connection was made.
  public struct Peer: Sendable, Equatable {
    public var pid: pid_t
    public var uid: UInt32
    public var gid: UInt32
  }

  /// What one `receive` found.
  public enum Received: Sendable, Equatable {
    /// A message of this many bytes lies at the start of the buffer.
    case message(Int)
    /// A message longer than the buffer; what didn't fit is gone.
    case truncated
    /// Nothing there yet.
    case nothing
    /// The other end is closed. An empty message looks the same.
    case closed
  }

  /// One of two connected ends, both non-blocking; the other goes to `peer`.
  public static func pair(peer: inout FD?) throws(Errno) -> FD {
    var numbers: (Int32, Int32) = (-1, -1)
    try call {
      withUnsafeMutableBytes(of: &numbers) {
        socketpair(AF_UNIX, Self.type, 0, $0.assumingMemoryBound(to: Int32.self).baseAddress)
      }
    }
    peer = FD(owning: numbers.1)
    return FD(owning: numbers.0)
  }

  private static var type: Int32 { Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue) }

  private static func make() throws(Errno) -> FD { FD(owning: try call { socket(AF_UNIX, Self.type, 0) }) }

  /// Listens at `name` in `directory`, replacing what a dead owner left there. Its mode is 0600; before that is set nobody but the
  /// owner can connect if the umask takes writing from group and others.
  public static func listen(in directory: String, name: String, backlog: Int32 = 16) throws(Errno) -> FD {
    let folder = try Files.open(directory, O_RDONLY | O_DIRECTORY)
    let number = folder.raw
    if unlinkat(number, name, 0) < 0, Errno.current != .notFound { throw Errno.current }
    let socket = try make()
    let raw = socket.raw
    try withAddress(folder, name) { bind(raw, $0, $1) }
    try call { fchmodat(number, name, 0o600, 0) }
    try call { Glibc.listen(raw, backlog) }
    return socket
  }

  /// ECONNREFUSED where nobody listens any more, EAGAIN where the backlog is full.
  public static func connect(in directory: String, name: String) throws(Errno) -> FD {
    let folder = try Files.open(directory, O_RDONLY | O_DIRECTORY)
    let socket = try make()
    let raw = socket.raw
    try withAddress(folder, name) { Glibc.connect(raw, $0, $1) }
    return socket
  }

  /// The way through /proc/self/fd is short however deep the folder lies: sun_path has room for 107 bytes.
  private static func withAddress(
    _ directory: borrowing FD, _ name: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) throws(Errno) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = Array("/proc/self/fd/\(directory.raw)/\(name)".utf8)
    guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { throw Errno(ENAMETOOLONG) }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    try call {
      withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
      }
    }
  }

  /// The next connection, non-blocking; nil if nobody waits any more.
  public static func accept(_ listener: borrowing FD) throws(Errno) -> FD? {
    let number = listener.raw
    do throws(Errno) {
      return FD(owning: try call { berth_accept(number) })
    } catch {
      if error == .again || error == Errno(ECONNABORTED) { return nil }
      throw error
    }
  }

  public static func peer(of socket: borrowing FD) throws(Errno) -> Peer {
    let number = socket.raw
    var peer = Peer(pid: 0, uid: .max, gid: .max)
    try call { berth_peer_credentials(number, &peer.pid, &peer.uid, &peer.gid) }
    return peer
  }

  /// Sends one message without waiting. EAGAIN once the receiver is too far behind (about 200 KiB), EPIPE once it is gone.
  public static func send(_ message: [UInt8], over socket: borrowing FD) throws(Errno) {
    let number = socket.raw
    try call {
      message.withUnsafeBytes { Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL)) }
    }
  }

  /// The next message, without waiting. Descriptors that a peer attached are closed by the kernel.
  public static func receive(into buffer: UnsafeMutableRawBufferPointer, from socket: borrowing FD) throws(Errno) -> Received {
    let number = socket.raw
    do throws(Errno) {
      let count = try call {
        recv(number, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT | MSG_TRUNC))
      }
      return count == 0 ? .closed : count > buffer.count ? .truncated : .message(count)
    } catch {
      if error == .again { return .nothing }
      if error == Errno(ECONNRESET) { return .closed }
      throw error
    }
  }
}
