import CBerthSys
import Glibc

/// The mount namespace that a process was in before it got one of its own. For processes with one thread.
public enum MountNamespace {
  /// Open for as long as the process lives.
  public static func own() throws(Errno) -> Int32 { try Files.openReadOnly("/proc/self/ns/mnt").release() }

  /// Runs `body` with this process in the open `namespace`, then takes it back. One that can't go back ends: it would mount for one
  /// what is meant for another.
  public static func within<Value: ~Copyable>(_ namespace: Int32, _ body: () throws(Errno) -> Value) throws(Errno) -> Value {
    let home = try Files.openReadOnly("/proc/self/ns/mnt")
    let back = home.raw
    try call { berth_setns(namespace, kind) }
    defer { if berth_setns(back, kind) != 0 { preconditionFailure("no way back to the own mount namespace: \(Errno.current)") } }
    return try body()
  }

  private static let kind: Int32 = 0x20000

  /// Whether mounts that the place `path` gets elsewhere, in the namespace that this one was copied from, come here too: whether it lies
  /// on a slave mount. Source: proc(5) "mountinfo".
  public static func follows(_ path: String) throws(Errno) -> Bool {
    let place = try Files.open(path, FileFlags.path)
    let facts = try Files.readText("/proc/self/fdinfo/\(place.raw)")
    guard let id = facts.split(separator: "\n").first(where: { $0.hasPrefix("mnt_id:") })?.split(whereSeparator: \.isWhitespace).last
    else { throw .notSupported }
    for line in try Files.readText("/proc/self/mountinfo", limit: 64 << 20).split(separator: "\n") {
      let fields = line.split(separator: " ")
      if fields.first == id { return fields.prefix { $0 != "-" }.contains { $0.hasPrefix("master:") } }
    }
    throw .notFound
  }
}
