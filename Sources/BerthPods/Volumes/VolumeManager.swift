import BerthCore
import BerthImages
import BerthLinux
import BerthManifest

/// A volume that is there, ready to be mounted into containers.
public struct PreparedVolume: Hashable, Sendable {
  /// Its root on the node (in the shim's mount namespace).
  public var path: String
  /// A tmpfs that the shim mounts at `path` in its own mount namespace, nil for any other kind.
  public var memorySize: MemorySize?
  /// An image's files; nil for any other kind.
  public var image: ImageTree?
  public enum MemorySize: Hashable, Sendable {
    case limited(ByteSize)
    case unlimited
  }
}

/// Makes a pod's volumes before its containers start.
struct VolumeManager: Sendable {
  let paths: PodPaths
  let key: PodKey
  /// Group of the volumes that the pod owns.
  var fsGroup: UInt32?

  /// Of a secret volume's tmpfs: twice what its files may have, so that they can be replaced.
  static let secretSize = ByteSize(bytes: 8 << 20)

  /// Where each volume lies; touches nothing.
  func located(_ volumes: [VolumeSpec]) -> [String: PreparedVolume] {
    var located: [String: PreparedVolume] = [:]
    for volume in volumes { located[volume.name] = locate(volume) }
    return located
  }

  private func locate(_ volume: VolumeSpec) -> PreparedVolume {
    switch volume.source {
    case .hostPath(let path, _): PreparedVolume(path: path)
    case .emptyDir(inMemory: true, let size):
      PreparedVolume(path: paths.stateVolume(volume.name), memorySize: size.map { .limited($0) } ?? .unlimited)
    case .emptyDir(inMemory: false, _): PreparedVolume(path: paths.dataVolume(volume.name))
    case .persistent(let shared):
      PreparedVolume(
        path: shared.map { paths.node.sharedVolume(namespace: key.namespace, $0) } ?? paths.node.persistentVolume(key, volume.name))
    case .config: PreparedVolume(path: paths.stateVolume(volume.name))
    case .secret: PreparedVolume(path: paths.stateVolume(volume.name), memorySize: .limited(Self.secretSize))
    // Known when a container that mounts it starts.
    case .image: PreparedVolume(path: "")
    }
  }

  /// Makes what isn't there yet.
  func prepare(_ volumes: [VolumeSpec]) throws(BerthError) -> [String: PreparedVolume] {
    for volume in volumes {
      do throws(Errno) { try make(volume, at: locate(volume).path) } catch {
        throw BerthError(
          error == .noSpace ? .resourceExhausted : .failedPrecondition, "prepare volume", volume.name, cause: Self.words(error, volume))
      }
    }
    return located(volumes)
  }

  private static func words(_ error: Errno, _ volume: VolumeSpec) -> String {
    guard case .hostPath(let path, let type) = volume.source else { return "\(error)" }
    return error == .invalid || error == .notDirectory ? "\(path) is no \(type.rawValue)" : "\(path): \(error)"
  }

  private func make(_ volume: VolumeSpec, at path: String) throws(Errno) {
    switch volume.source {
    case .hostPath(_, let type): try Self.check(path, type)
    case .image: break
    case .emptyDir: try makeRoot(path, volume, defaultMode: 0o777)
    case .persistent:
      // An existing volume keeps the owner and mode that its users gave it, but for the pod's group.
      if !Files.exists(path) { try makeWhole(path, volume) } else if let fsGroup { try VolumeGroup.hand(path, to: fsGroup) }
    case .config(let set):
      try makeRoot(path, VolumeSpec(name: volume.name, source: volume.source), defaultMode: 0o755)
      try GeneratedFiles(volume, set, folder: path, fsGroup: fsGroup).write()
    // Its tmpfs is the shim's: see `Pod.writeSecrets`.
    case .secret: try Files.makeDirectories(path)
    }
  }

  /// Under another name until it has its mode and owner: a daemon that dies half-way leaves nothing that looks finished.
  private func makeWhole(_ path: String, _ volume: VolumeSpec) throws(Errno) {
    let draft = "\(Files.parent(of: path))/.\(Files.name(of: path)).\(paths.uid)"
    try makeRoot(draft, volume, defaultMode: 0o777)
    do throws(Errno) { try Files.rename(draft, to: path) } catch {
      try Files.removeTree(draft)
      // Another pod of the same volume was faster, and something is in it already.
      if !Files.exists(path) { throw error }
    }
  }

  private func makeRoot(_ path: String, _ volume: VolumeSpec, defaultMode: UInt32) throws(Errno) {
    try Files.makeDirectories(path)
    try Files.setOwner(path, uid: volume.owner?.uid ?? 0, gid: fsGroup ?? volume.owner?.gid ?? 0)
    // What is made in it belongs to the group, too.
    try Files.setMode(path, (volume.mode ?? defaultMode) | (fsGroup == nil ? 0 : 0o2070))
  }

  private static func check(_ path: String, _ type: VolumeSource.HostPathType) throws(Errno) {
    if type == .directoryOrCreate && !Files.exists(path) {
      try Files.makeDirectories(path, mode: 0o755)
    } else if type == .fileOrCreate && !Files.exists(path) {
      try Files.writeAtomically([], to: path, mode: 0o644)
    }
    let kind = try Files.status(path).kind
    let wanted: FileStatus.Kind? =
      switch type {
      case .unchecked: nil
      case .directory, .directoryOrCreate: .directory
      case .file, .fileOrCreate: .regular
      case .socket: .socket
      case .charDevice: .characterDevice
      case .blockDevice: .blockDevice
      }
    if let wanted, wanted != kind { throw wanted == .directory ? .notDirectory : .invalid }
  }
}
