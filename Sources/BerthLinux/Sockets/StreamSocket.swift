import CBerthSys
import Glibc

/// Stream sockets with a path in the file system.
public enum StreamSocket {
  /// `SO_PEERCRED`, for servers whose sockets another library holds. Gives three 32-bit integers: pid, uid, gid.
  public static let peerCredentialsOption: Int32 = SO_PEERCRED

  /// Connects to the socket at `path`, however long: it is reached through the descriptor of its folder.
  public static func connect(_ path: String) throws(Errno) -> FD {
    let directory = try Files.open(Files.parent(of: path), FileFlags.path | FileFlags.directory)
    let reachable = path.utf8.count < 100 ? path : "/proc/self/fd/\(directory.raw)/\(Files.name(of: path))"
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(reachable.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw Errno(ENAMETOOLONG) }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let socket = FD(owning: try call { Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0) })
    let number = socket.raw
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    try call {
      withUnsafePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(number, $0, size) } }
    }
    return socket
  }
}
