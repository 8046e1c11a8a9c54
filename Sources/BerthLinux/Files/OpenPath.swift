import CBerthSys
import Glibc

/// Entries of a tree that somebody else may change at any moment: each is first held by an O_PATH descriptor, which has no effect on
/// whatever is there, and then looked at and opened through that alone. What was looked at is what is opened.
public enum OpenPath {
  /// The entry itself, also where it is a symlink. `name` is one component.
  public static func entry(_ directory: borrowing FD, _ name: PathBytes) throws(Errno) -> FD {
    let number = directory.raw
    return FD(owning: try call { name.withCString { openat(number, $0, FileFlags.path | O_NOFOLLOW | O_CLOEXEC) } })
  }

  /// A descriptor to read a regular file or a directory with; `held` must be known to be one of the two.
  public static func reader(of held: borrowing FD) throws(Errno) -> FD {
    let path = "/proc/self/fd/\(held.raw)"
    return FD(owning: try call { open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) })
  }

  /// Where a symlink that is held points to.
  public static func target(of held: borrowing FD) throws(Errno) -> PathBytes { try TreeFiles.readLink(held, PathBytes("")) }

  /// The kernel's own file systems, where reading and writing are commands: what a name there leads to is no file to be copied.
  /// Source: linux/magic.h.
  private static let kernels: Set<UInt32> = [
    0x9FA0,  // proc
    0x6265_6572,  // sysfs
    0x0027_E0EB, 0x6367_7270,  // cgroup, cgroup2
    0x6462_6720, 0x7472_6163,  // debugfs, tracefs
    0x7363_6673, 0xF97C_FF8C, 0x4341_5D53,  // securityfs, selinuxfs, smackfs
    0xCAFE_4A11, 0x6265_6570, 0x4249_4E4D,  // bpf, configfs, binfmt_misc
    0xDE5E_81E4, 0x6165_676C, 0x6E73_6673,  // efivarfs, pstore, nsfs
  ]

  /// Whether `directory` lies in procfs, sysfs, a cgroup hierarchy or another of those.
  public static func isOfKernel(_ directory: borrowing FD) throws(Errno) -> Bool {
    let number = directory.raw
    return kernels.contains(UInt32(truncatingIfNeeded: try call { berth_file_system(number) }))
  }
}
