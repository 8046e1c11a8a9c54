import BerthCore

public struct VolumeSpec: Hashable, Sendable {
  public var name: String
  public var source: VolumeSource
  /// `uid:gid` of the volume's root and generated files.
  public var owner: VolumeOwner?
  /// Permission bits of the volume's root (directories) or of its files (config).
  public var mode: UInt32?
  public init(name: String, source: VolumeSource) {
    self.name = name
    self.source = source
  }
}

public struct VolumeOwner: Hashable, Sendable {
  public var uid: UInt32
  public var gid: UInt32
  public init(uid: UInt32, gid: UInt32) {
    self.uid = uid
    self.gid = gid
  }
}

public enum VolumeSource: Hashable, Sendable {
  public enum HostPathType: String, Sendable, CaseIterable {
    /// No check.
    case unchecked = ""
    case directory, file, socket
    case directoryOrCreate = "directory-or-create"
    case fileOrCreate = "file-or-create"
    case charDevice = "char-device"
    case blockDevice = "block-device"
  }
  case hostPath(path: String, type: HostPathType)
  /// `inMemory`: a tmpfs, of `size` where given.
  case emptyDir(inMemory: Bool, size: ByteSize?)
  /// Outlives the pod. `shared` names one that pods of the namespace share; nil is the pod's own.
  case persistent(shared: String?)
  case config(FileSet)
  /// As `config`, but in memory alone, and never shown.
  case secret(FileSet)
  /// An image's files, read-only.
  case image(reference: String, pullPolicy: ImagePullPolicy)

  public var isSecret: Bool { if case .secret = self { true } else { false } }

  /// The files of a config or secret volume.
  public var fileSet: FileSet? {
    switch self {
    case .config(let set), .secret(let set): set
    default: nil
    }
  }
}
