import BerthLinux

/// One member of a tar archive, extensions merged in.
public struct TarEntry: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    case file
    case directory
    case symlink(target: [UInt8])
    case hardLink(target: [UInt8])
    case characterDevice(major: UInt32, minor: UInt32)
    case blockDevice(major: UInt32, minor: UInt32)
    case fifo
  }

  public struct Attribute: Sendable, Hashable {
    public var name: [UInt8]
    public var value: [UInt8]
    public init(name: [UInt8], value: [UInt8]) {
      self.name = name
      self.value = value
    }
  }

  /// As archived: without NUL, otherwise unchecked.
  public var name: [UInt8]
  public var kind: Kind
  /// Permission bits with setuid, setgid and sticky.
  public var mode: UInt32
  public var uid: UInt32
  public var gid: UInt32
  /// Of the content that follows, in bytes; 0 for all but files.
  public var size: Int64
  public var modified: TreeFiles.Time
  /// Extended attributes in the archive's order.
  public var attributes: [Attribute]

  public init(
    name: [UInt8], kind: Kind, mode: UInt32 = 0o644, uid: UInt32 = 0, gid: UInt32 = 0, size: Int64 = 0,
    modified: TreeFiles.Time = TreeFiles.Time(seconds: 0), attributes: [Attribute] = []
  ) {
    self.name = name
    self.kind = kind
    self.mode = mode
    self.uid = uid
    self.gid = gid
    self.size = size
    self.modified = modified
    self.attributes = attributes
  }
}

/// What the headers of an archive may cost.
public enum TarLimits {
  /// Of a name or a link's target, in bytes: what the kernel takes.
  public static let nameBytes = 4096
  /// Of one extension header, in bytes.
  public static let extensionBytes = 1 << 20
  /// PAX records in one header.
  public static let records = 1000
  /// Of one extended attribute's value, in bytes: what the kernel takes.
  public static let attributeBytes = 1 << 16
}
