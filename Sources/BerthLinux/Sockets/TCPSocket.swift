import CBerthSys
import Glibc

/// Non-blocking connections over TCP.
public enum TCPSocket {
  /// Begins to connect to `address` (a numeric IPv4 or IPv6 address): the socket becomes writable once it is connected or has failed,
  /// which `error(of:)` tells. It belongs to the network namespace of the calling thread.
  public static func connect(_ address: String, port: UInt16) throws(Errno) -> FD {
    var four = in_addr()
    if inet_pton(AF_INET, address, &four) == 1 {
      var name = sockaddr_in()
      name.sin_family = sa_family_t(AF_INET)
      name.sin_port = port.bigEndian
      name.sin_addr = four
      return try connect(AF_INET, name)
    }
    var six = in6_addr()
    guard inet_pton(AF_INET6, address, &six) == 1 else { throw .invalid }
    var name = sockaddr_in6()
    name.sin6_family = sa_family_t(AF_INET6)
    name.sin6_port = port.bigEndian
    name.sin6_addr = six
    return try connect(AF_INET6, name)
  }

  private static func connect<Name>(_ family: Int32, _ name: Name) throws(Errno) -> FD {
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let socket = FD(owning: try call { Glibc.socket(family, type, 0) })
    let number = socket.raw
    do throws(Errno) {
      try call {
        withUnsafePointer(to: name) { pointer in
          pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(number, $0, socklen_t(MemoryLayout<Name>.size)) }
        }
      }
    } catch { if error.code != EINPROGRESS { throw error } }
    return socket
  }

  /// Why the connection failed; nil if it stands.
  public static func error(of socket: borrowing FD) -> Errno? {
    var code: Int32 = 0
    var size = socklen_t(4)
    guard getsockopt(socket.raw, SOL_SOCKET, SO_ERROR, &code, &size) == 0 else { return Errno.current }
    return code == 0 ? nil : Errno(code)
  }

  /// What has arrived, at most `count` bytes; empty at the other side's end, nil where nothing waits.
  public static func receive(_ socket: borrowing FD, upTo count: Int) throws(Errno) -> [UInt8]? {
    do throws(Errno) { return try socket.read(upTo: count) } catch {
      if error == .again { return nil }
      throw error
    }
  }

  /// How many of `bytes` the socket took.
  public static func send(_ bytes: ArraySlice<UInt8>, over socket: borrowing FD) throws(Errno) -> Int {
    let number = socket.raw
    do throws(Errno) {
      return try call { bytes.withUnsafeBytes { Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) } }
    } catch {
      if error == .again { return 0 }
      throw error
    }
  }
}

/// Work in another network namespace, for a thread that otherwise stays in its own. Sockets stay where they were made.
public struct NetworkNamespaceHopper: ~Copyable, Sendable {
  private static let kind: UInt64 = 0x4000_0000  // CLONE_NEWNET
  private let home: FD

  /// For the calling thread's namespace.
  public init() throws(Errno) { home = try Files.open("/proc/thread-self/ns/net", O_RDONLY) }

  /// Runs `body` in the network namespace of the process `pid`. A thread that can't come back is of no more use: the process ends.
  public borrowing func run<Result: ~Copyable>(in pid: Int32, _ body: () throws(Errno) -> Result) throws(Errno) -> Result {
    let target = try Files.open("/proc/\(pid)/ns/net", O_RDONLY)
    try Namespaces.join(target, kind: Self.kind)
    defer {
      do throws(Errno) { try Namespaces.join(home, kind: Self.kind) } catch { preconditionFailure("lost in a network namespace: \(error)") }
    }
    return try body()
  }
}
