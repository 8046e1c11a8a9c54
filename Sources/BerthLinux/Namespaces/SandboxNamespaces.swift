import CBerthSys
import Glibc

/// What a pod's shim does to its own namespaces. Only for a process with one thread.
public enum SandboxNamespaces {
  /// Own mount, IPC and UTS namespaces and, with `network`, an own network namespace with the loopback interface up. From then on no
  /// mount of this process shows outside.
  public static func unshare(network: Bool, ipc: Bool = true) throws(Errno) {
    try call { berth_unshare_sandbox((network ? BERTH_UNSHARE_NETWORK : 0) | (ipc ? BERTH_UNSHARE_IPC : 0)) }
    try call { berth_make_mounts_slave() }
    if network { try call { berth_loopback_up() } }
  }

  /// As above, but the namespaces belong to a new user namespace with these maps (see `UserNamespaces`), which this process is not in
  /// itself: it is bound to the file `pinnedAt`, made here, in this process's own mount namespace, for its containers to join.
  public static func unshare(uidMap: String, gidMap: String, network: Bool, ipc: Bool, pinnedAt path: String) throws(Errno) {
    var kinds: [(name: String, flag: UInt64)] = [("uts", 0x400_0000)]
    if ipc { kinds.append(("ipc", 0x800_0000)) }
    if network { kinds.append(("net", 0x4000_0000)) }
    let all = kinds.reduce(0) { $0 | $1.flag }
    let holder = try call { berth_user_namespace_holder(all) }
    defer {
      Children.kill(holder)
      _ = try? Children.wait(for: holder)
    }
    try UserNamespaces.write(uidMap: uidMap, gidMap: gidMap, of: holder)
    try unshare(network: false, ipc: false)
    for kind in kinds { try Namespaces.join(try Files.openReadOnly("/proc/\(holder)/ns/\(kind.name)"), kind: kind.flag) }
    if network { try call { berth_loopback_up() } }
    try pin("user", of: holder, at: path)
  }

  /// Binds a namespace of `process` (`pid`, `user`: its file's name) to the file `path`, in place of what is bound there, in this process's
  /// own mount namespace.
  public static func pin(_ kind: String, of process: pid_t, at path: String) throws(Errno) {
    do throws(Errno) { try Files.writeNew([], to: path) } catch {
      guard error == .exists else { throw error }
      try? unmount(path)
    }
    try call { Glibc.mount("/proc/\(process)/ns/\(kind)", path, nil, UInt(MS_BIND), nil) }
  }

  /// At most 64 bytes.
  public static func setHostname(_ name: String) throws(Errno) { try call { berth_set_hostname(name) } }

  /// A tmpfs of `size` bytes, nosuid and nodev, over the directory `path`.
  public static func mountTmpfs(
    at path: String, size: UInt64, mode: UInt32, uid: UInt32 = 0, gid: UInt32 = 0, noexec: Bool = false
  ) throws(Errno) {
    let octal = "\(mode >> 9 & 7)\(mode >> 6 & 7)\(mode >> 3 & 7)\(mode & 7)"
    let options = "size=\(size),mode=\(octal),uid=\(uid),gid=\(gid)"
    try call { berth_mount_tmpfs(path, noexec ? 1 : 0, options) }
  }

  /// Lazily: what is in use stays for its users.
  public static func unmount(_ path: String) throws(Errno) { try call { berth_unmount(path) } }
}
