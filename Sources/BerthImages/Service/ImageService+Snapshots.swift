import BerthCore
import BerthLinux

extension ImageService {
  private func refuse(_ key: String, _ cause: String) -> BerthError { BerthError(.invalidArgument, "prepare snapshot", key, cause: cause) }

  /// A key becomes a directory's name.
  static func isKey(_ key: String) -> Bool {
    let bytes = key.utf8
    guard (1...200).contains(bytes.count), !key.hasPrefix(".") else { return false }
    return bytes.allSatisfy {
      (97...122).contains($0) || (65...90).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 95 || $0 == 46
    }
  }

  /// Which manifest a snapshot was made for: an attribute of its directory, which costs a twentieth of a file.
  static let imageAttribute = PathBytes("trusted.berth.image")

  /// Makes a container's own directories over `image`. Three directories and an attribute, nothing that waits for a disk: after a power
  /// cut the container doesn't exist any more anyway. Throws `alreadyExists` if the key is taken.
  public func prepareSnapshot(for image: Image, key: String) throws(BerthError) -> SnapshotMount {
    guard Self.isKey(key) else { throw refuse(key, "the key is no safe name") }
    let path = "\(root)/snapshots/active/\(key)"
    do throws(Errno) {
      try Files.createDirectory(path, mode: 0o700)
      // Before anything else is in it: from now on a prune leaves the image's layers alone.
      try Files.setAttribute(path, Self.imageAttribute, image.digest.description.utf8)
      try Files.createDirectory("\(path)/work", mode: 0o700)
      try Files.createDirectory("\(path)/fs", mode: image.root.mode)
      if image.root.uid != 0 || image.root.gid != 0 { try Files.changeOwner("\(path)/fs", uid: image.root.uid, gid: image.root.gid) }
      // Whatever the umask left of it.
      try Files.changeMode("\(path)/fs", mode: image.root.mode)
    } catch {
      if error == .exists { throw BerthError(.alreadyExists, "prepare snapshot", key, cause: "a snapshot of that name is there already") }
      removeTree("\(root)/snapshots/active", key)
      throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "prepare snapshot", key, cause: "\(error)")
    }
    guard layers.with({ $0.pruned.isDisjoint(with: image.chainIDs) }) else {
      removeTree("\(root)/snapshots/active", key)
      throw BerthError(.failedPrecondition, "prepare snapshot", key, cause: "the image was removed meanwhile: pull it again")
    }
    return SnapshotMount(lowerDirectories: image.layerDirectories, upperDirectory: "\(path)/fs", workDirectory: "\(path)/work")
  }

  /// Has a pod hold on to an image that it only reads, as `prepareSnapshot` does for one that it runs on, until `removeSnapshot`. One of
  /// that key is fine.
  public func holdView(of image: Image, key: String) throws(BerthError) {
    guard Self.isKey(key) else { throw refuse(key, "the key is no safe name") }
    let path = "\(root)/snapshots/active/\(key)"
    do throws(Errno) {
      do throws(Errno) { try Files.createDirectory(path, mode: 0o700) } catch { if error != .exists { throw error } }
      try Files.setAttribute(path, Self.imageAttribute, image.digest.description.utf8)
    } catch {
      throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "prepare snapshot", key, cause: "\(error)")
    }
    guard layers.with({ $0.pruned.isDisjoint(with: image.chainIDs) }) else {
      removeTree("\(root)/snapshots/active", key)
      throw BerthError(.failedPrecondition, "prepare snapshot", key, cause: "the image was removed meanwhile: pull it again")
    }
  }

  /// What lies at the bottom of stacked directories that are fewer than overlayfs wants.
  public var emptyLayer: String { "\(root)/snapshots/empty" }

  /// Removes what the container wrote. It must not be mounted any more; one that isn't there is fine.
  public func removeSnapshot(key: String) throws(BerthError) {
    guard Self.isKey(key), let name = PathBytes(key.utf8) else { throw refuse(key, "the key is no safe name") }
    do throws(Errno) {
      try TreeFiles.removeTree(try Files.open("\(root)/snapshots/active", ContentFlags.directory), name)
    } catch { throw BerthError(error == .busy ? .failedPrecondition : .unavailable, "remove snapshot", key, cause: "\(error)") }
  }

  /// Of all snapshots, sorted.
  public func snapshotKeys() -> [String] { (try? Files.list("\(root)/snapshots/active")) ?? [] }
}
