/// Names of kernel settings, and which of them a container has for itself. Source: sysctl(7), the kernel's
/// Documentation/admin-guide/sysctl.
public enum SysctlName {
  public enum Namespace: Sendable, Hashable { case network, ipc, uts }

  private static let ipc: Set = [
    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni",
    "kernel.shm_rmid_forced",
  ]

  /// nil: none's, so a change would be seen by all.
  public static func namespace(of name: String) -> Namespace? {
    if ipc.contains(name) || name.hasPrefix("fs.mqueue.") { return .ipc }
    if name == "kernel.domainname" || name == "kernel.hostname" { return .uts }
    return name.hasPrefix("net.") ? .network : nil
  }

  /// Below proc; nil unless every part is of letters, digits, `_`, `-`. A `/` in a name stands for a `.` in a part, as in sysctl(8).
  public static func path(of name: String) -> String? {
    var parts: [String] = []
    for part in name.split(separator: ".", omittingEmptySubsequences: false) {
      let named = part.utf8.allSatisfy { byte in
        (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte) || [95, 45, 47].contains(byte)
      }
      guard !part.isEmpty, named, part.utf8.first != 47, !part.contains("//") else { return nil }
      parts.append(String(part.map { $0 == "/" ? "." : $0 }))
    }
    guard parts.count > 1, !parts.contains("."), !parts.contains("..") else { return nil }
    return "sys/" + parts.joined(separator: "/")
  }
}
