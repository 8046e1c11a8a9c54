import Glibc

/// The interfaces of a network namespace, seen from outside of it.
public enum NetworkInterfaces {
  /// The names of those in the namespace of the process. Source: proc_pid_net(5) "/proc/pid/net/dev".
  public static func of(process pid: pid_t) throws(Errno) -> Set<String> {
    let text = try Files.readText("/proc/\(pid)/net/dev")
    // Two lines of headings, then `NAME: figures`.
    return Set(text.split(separator: "\n").dropFirst(2).compactMap { $0.split(separator: ":").first?.drop { $0 == " " } }.map(String.init))
  }
}
