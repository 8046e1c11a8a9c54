/// Per-mount attributes. Source: mount_setattr(2), MOUNT_ATTR_*.
public struct MountAttributes: OptionSet, Sendable, Hashable, CustomStringConvertible {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let readOnly = MountAttributes(rawValue: 0x1)
  public static let noSetUID = MountAttributes(rawValue: 0x2)
  public static let noDevices = MountAttributes(rawValue: 0x4)
  public static let noExec = MountAttributes(rawValue: 0x8)
  /// The whole field of access times: cleared before one of its values is set. 0 in it is relatime.
  public static let accessTimes = MountAttributes(rawValue: 0x70)
  public static let noAccessTimes = MountAttributes(rawValue: 0x10)
  public static let strictAccessTimes = MountAttributes(rawValue: 0x20)
  public static let noDirectoryAccessTimes = MountAttributes(rawValue: 0x80)
  public static let noSymlinkFollowing = MountAttributes(rawValue: 0x200000)

  public var description: String {
    let names: [(MountAttributes, String)] = [
      (.readOnly, "ro"), (.noSetUID, "nosuid"), (.noDevices, "nodev"), (.noExec, "noexec"), (.noAccessTimes, "noatime"),
      (.strictAccessTimes, "strictatime"), (.noDirectoryAccessTimes, "nodiratime"), (.noSymlinkFollowing, "nosymfollow"),
    ]
    return "[" + names.filter { contains($0.0) }.map(\.1).joined(separator: ",") + "]"
  }
}

/// Propagation types. Source: mount(2), MS_*.
enum Propagation {
  static let recursive: UInt64 = 0x4000
  static let unbindable: UInt64 = 0x20000
  static let `private`: UInt64 = 0x40000
  static let slave: UInt64 = 0x80000
  static let shared: UInt64 = 0x100000

  /// Of `private`, `rslave` and so on, without the `r`; nil for other words.
  static func flags(_ word: String) -> (type: UInt64, recursive: Bool)? {
    switch word {
    case "private": (Self.private, false)
    case "rprivate": (Self.private, true)
    case "slave": (Self.slave, false)
    case "rslave": (Self.slave, true)
    case "shared": (Self.shared, false)
    case "rshared": (Self.shared, true)
    case "unbindable": (Self.unbindable, false)
    case "runbindable": (Self.unbindable, true)
    default: nil
    }
  }
}
