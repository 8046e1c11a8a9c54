import Glibc

/// Facts of the running kernel and machine.
public enum Kernel {
  /// Of `6.18.1-amd64`: (6, 18).
  public static func version() throws(Errno) -> (major: Int, minor: Int) {
    var names = utsname()
    try call { uname(&names) }
    let release = withUnsafeBytes(of: &names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    let numbers = release.split { !("0"..."9").contains($0) }.prefix(2).compactMap { Int($0) }
    guard numbers.count == 2 else { throw .invalid }
    return (numbers[0], numbers[1])
  }

  /// CPUs that are configured, online or not.
  public static var configuredCPUs: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_CONF))) }

  public static func hostname() -> String {
    var names = utsname()
    guard uname(&names) == 0 else { return "localhost" }
    return withUnsafeBytes(of: &names.nodename) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
