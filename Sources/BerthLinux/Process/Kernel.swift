import Glibc

/// Facts of the running kernel and machine.
public enum Kernel {
  /// As `uname -r` prints it: `6.18.1-amd64`.
  public static func release() throws(Errno) -> String {
    var names = utsname()
    try call { uname(&names) }
    return withUnsafeBytes(of: &names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  /// CPUs that are configured, online or not.
  public static var configuredCPUs: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_CONF))) }

  public static func hostname() -> String {
    var names = utsname()
    guard uname(&names) == 0 else { return "localhost" }
    return withUnsafeBytes(of: &names.nodename) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
