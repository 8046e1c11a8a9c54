import Glibc

/// Tells the service manager how this daemon fares. Source: sd_notify(3).
public enum ServiceManager {
  private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  /// How often the service manager wants a sign of life (`WATCHDOG_USEC`), nil where it wants none of this process.
  public static var watchdogInterval: Duration? {
    guard let text = getenv("WATCHDOG_USEC").map({ String(cString: $0) }), let microseconds = Int64(text), microseconds > 0 else {
      return nil
    }
    if let pid = getenv("WATCHDOG_PID").map({ String(cString: $0) }), pid != "\(getpid())" { return nil }
    return .microseconds(microseconds)
  }

  /// Does nothing where nobody asked (`NOTIFY_SOCKET` is unset).
  public static func notify(_ text: String) {
    guard let name = variable("NOTIFY_SOCKET"), !name.isEmpty else { return }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // A leading @ stands for the NUL of an abstract socket.
    var bytes = Array(name.utf8)
    if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { return }
    defer { close(number) }
    let size = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    let message = Array(text.utf8)
    // Nobody to tell if this fails.
    _ = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(number, message, message.count, Int32(truncatingIfNeeded: MSG_NOSIGNAL), $0, size)
      }
    }
  }
}
