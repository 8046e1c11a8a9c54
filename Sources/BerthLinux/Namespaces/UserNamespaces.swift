import CBerthSys
import Glibc

/// User namespaces, as a process with one thread makes and reads them from outside. Maps are texts as user_namespaces(7) has them.
public enum UserNamespaces {
  /// A namespace that no process is in, for idmapped mounts.
  public static func make(uidMap: String, gidMap: String) throws(Errno) -> FD {
    let holder = try call { berth_user_namespace_holder(0) }
    defer {
      Children.kill(holder)
      _ = try? Children.wait(for: holder)
    }
    try write(uidMap: uidMap, gidMap: gidMap, of: holder)
    return try Files.openReadOnly("/proc/\(holder)/ns/user")
  }

  /// Maps the ids of the user namespace that `pid`, a child of this process, was born into. Once only.
  public static func write(uidMap: String, gidMap: String, of pid: pid_t) throws(Errno) {
    try Files.write(gidMap, to: "/proc/\(pid)/gid_map")
    try Files.write(uidMap, to: "/proc/\(pid)/uid_map")
  }

  /// The maps of an open namespace onto the one around it.
  public static func maps(of namespace: borrowing FD) throws(Errno) -> (uids: String, gids: String) {
    (try map(namespace, groups: false), try map(namespace, groups: true))
  }

  private static func map(_ namespace: borrowing FD, groups: Bool) throws(Errno) -> String {
    let number = namespace.raw
    var text = [CChar](repeating: 0, count: 16 << 10)
    let count = try call { text.withUnsafeMutableBufferPointer { berth_read_id_map(number, groups ? 1 : 0, $0.baseAddress, $0.count) } }
    return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// What only a process outside a user namespace may do to one inside: throws EPERM where this one may not either.
  public static func raiseHardLimit(of pid: pid_t, resource: Int32, to hard: UInt64) throws(Errno) {
    try call { berth_raise_hard_limit(pid, resource, hard) }
  }
}
