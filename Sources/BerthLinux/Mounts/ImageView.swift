import CBerthSys
import Glibc

/// Stacked directories shown read-only at a place of the node's own tree.
public enum ImageView {
  // MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV: linux/mount.h.
  private static let attributes: UInt32 = 1 | 2 | 4

  /// Mounts an overlay of `lower` (topmost first, at least two) at the directory `target`: read-only, no devices, no set-id programs.
  public static func attach(_ lower: [String], at target: String) throws(Errno) {
    do throws(Errno) {
      // By name where the kernel takes layers one by one (6.5) but not by descriptor (6.13).
      let mount = try byDescriptor(lower)
      let number = mount.raw
      try call { berth_attach_mount(number, target) }
    } catch {
      guard error == .invalid || error == .notSupported || error == Errno(EBADF) else { throw error }
      let options = "lowerdir=" + lower.map(DetachedMount.escaped).joined(separator: ":")
      guard options.utf8.count < 4096 else { throw Errno(E2BIG) }
      try call { mount("overlay", target, "overlay", UInt(MS_RDONLY | MS_NODEV | MS_NOSUID), options) }
    }
  }

  private static func byDescriptor(_ lower: [String]) throws(Errno) -> FD {
    let context = FD(owning: try call { berth_fsopen("overlay") })
    let number = context.raw
    try call { berth_fsconfig_string(number, "source", "overlay") }
    for path in lower {
      let layer = try Files.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
      let raw = layer.raw
      try call { berth_fsconfig_fd(number, "lowerdir+", raw) }
    }
    return FD(owning: try call { berth_fsmount(number, attributes) })
  }

  /// Shows one directory so.
  public static func attach(directory: String, at target: String) throws(Errno) {
    let tree = try DetachedMount.copy(directory, recursive: false)
    let number = tree.raw
    try call { berth_mount_attributes(number, UInt64(attributes)) }
    try call { berth_attach_mount(number, target) }
  }

  /// Throws EINVAL where nothing is mounted, EBUSY where it is in use.
  public static func detach(_ target: String) throws(Errno) { try call { berth_unmount_place(target) } }

  /// Whether `target`, an absolute path without symlinks, is a mount point.
  public static func isMountPoint(_ target: String) -> Bool {
    guard let text = try? Files.readText("/proc/self/mountinfo", limit: 64 << 20) else { return false }
    let escaped = target.utf8.reduce(into: "") { text, byte in
      // As mountinfo writes them.
      if [32, 9, 10, 92].contains(byte) {
        let digits = String(byte, radix: 8)
        text += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
      } else {
        text.unicodeScalars.append(Unicode.Scalar(byte))
      }
    }
    return text.split(separator: "\n").contains { line in
      let fields = line.split(separator: " ", maxSplits: 5)
      return fields.count > 4 && fields[4].utf8.elementsEqual(escaped.utf8)
    }
  }
}
