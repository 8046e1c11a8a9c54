import CSeccomp

/// Numbers of system calls by name.
enum SyscallNumbers {
  /// Those newer than what Debian 12's libseccomp knows. From 424 on, numbers are the same on every architecture.
  /// Source: the kernel's scripts/syscall.tbl.
  private static let newer: [String: UInt32] = [
    "cachestat": 451, "fchmodat2": 452, "map_shadow_stack": 453, "futex_wake": 454, "futex_wait": 455, "futex_requeue": 456,
    "statmount": 457, "listmount": 458, "lsm_get_self_attr": 459, "lsm_set_self_attr": 460, "lsm_list_modules": 461, "mseal": 462,
    "setxattrat": 463, "getxattrat": 464, "listxattrat": 465, "removexattrat": 466, "open_tree_attr": 467, "file_getattr": 468,
    "file_setattr": 469,
  ]

  /// nil: the architecture has no such call, or nobody knows its number.
  static func number(_ name: String, _ token: UInt32) -> UInt32? {
    let known = seccomp_syscall_resolve_name_arch(token, name)
    if known >= 0 { return token == x32 ? UInt32(known) & 0x3fff_ffff : UInt32(known) }
    if name == "uretprobe" { return token == SeccompCompiler.Architecture.x86_64.token ? 335 : nil }
    return newer[name]
  }

  /// libseccomp's own mark for the x32 calls, which the kernel tells from x86_64's by their numbers.
  static let x32: UInt32 = 0x4000_003e

  /// AUDIT_ARCH_* of `SCMP_ARCH_X86` and so on; nil for one that libseccomp doesn't know.
  static func token(_ ociName: String) -> UInt32? {
    guard ociName.hasPrefix("SCMP_ARCH_") else { return nil }
    let token = seccomp_arch_resolve_name(ociName.dropFirst(10).lowercased())
    return token == 0 ? nil : token
  }

  /// Whether libseccomp can make a rule of it.
  static func isKnown(_ name: String) -> Bool { seccomp_syscall_resolve_name(name) != -1 }
}
