import BerthArchive
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
  private static let imageAttribute = PathBytes("trusted.berth.image")
  /// Where the file system has no such attributes: a symlink to the digest.
  private static let imageLink = "image"

  /// Makes a container's own directories over `image`; with overlayfs three and an attribute, nothing that waits for a disk: after a power
  /// cut the container doesn't exist any more anyway. Copying takes as long as the image is large. Throws `alreadyExists` if the key is
  /// taken; one that is there may be an interrupted copy.
  public func prepareSnapshot(for image: Image, key: String) throws(BerthError) -> SnapshotMount {
    guard Self.isKey(key) else { throw refuse(key, "the key is no safe name") }
    let path = "\(root)/snapshots/active/\(key)"
    do throws(Errno) {
      try Files.createDirectory(path, mode: 0o700)
    } catch {
      if error == .exists { throw BerthError(.alreadyExists, "prepare snapshot", key, cause: "a snapshot of that name is there already") }
      throw unprepared(key, error)
    }
    do throws(BerthError) {
      // Before anything else is in it: from now on a prune leaves the image's layers alone.
      do throws(Errno) { try markImage(path, image.digest) } catch { throw unprepared(key, error) }
      try checkPresence(image, key)
      switch snapshotter.kind {
      case .overlay:
        do throws(Errno) { return try overlay(image, path) } catch { throw unprepared(key, error) }
      case .copy: return try copy(image, path, key)
      }
    } catch {
      removeTree("\(root)/snapshots/active", key)
      throw error
    }
  }

  private func unprepared(_ key: String, _ error: Errno) -> BerthError {
    BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "prepare snapshot", key, cause: "\(error)")
  }

  private func checkPresence(_ image: Image, _ key: String) throws(BerthError) {
    guard layers.with({ $0.pruned.isDisjoint(with: image.chainIDs) }) else {
      throw BerthError(.failedPrecondition, "prepare snapshot", key, cause: "the image was removed meanwhile: pull it again")
    }
  }

  private func overlay(_ image: Image, _ path: String) throws(Errno) -> SnapshotMount {
    try Files.createDirectory("\(path)/work", mode: 0o700)
    try Files.createDirectory("\(path)/fs", mode: image.root.mode)
    if image.root.uid != 0 || image.root.gid != 0 { try Files.changeOwner("\(path)/fs", uid: image.root.uid, gid: image.root.gid) }
    // Whatever the umask left of it.
    try Files.changeMode("\(path)/fs", mode: image.root.mode)
    return .overlay(lower: image.layerDirectories, upper: "\(path)/fs", work: "\(path)/work")
  }

  /// Under its name only once it is whole.
  private func copy(_ image: Image, _ path: String, _ key: String) throws(BerthError) -> SnapshotMount {
    do throws(Errno) { try Files.createDirectory("\(path)/draft", mode: 0o700) } catch { throw unprepared(key, error) }
    try merge(image, into: "\(path)/draft", .copy)
    do throws(Errno) { try Files.rename("\(path)/draft", to: "\(path)/fs") } catch { throw unprepared(key, error) }
    return .directory("\(path)/fs")
  }

  /// All of the image's files in `directory`, an empty one.
  func merge(_ image: Image, into directory: String, _ method: LayerMerge.Method) throws(BerthError) {
    let target: FD
    do throws(Errno) { target = try Files.open(directory, ContentFlags.directory) } catch {
      throw BerthError(.unavailable, "copy image", directory, cause: "\(error)")
    }
    // A directory of the node's own is as overlayfs would show it.
    let marks = image.isDirectory ? .overlay : snapshotter.marks
    try LayerMerge(image.layerDirectories, into: target, marks: marks, method: method).run()
  }

  private func markImage(_ path: String, _ digest: Digest) throws(Errno) {
    switch snapshotter.marks {
    case .overlay: try Files.setAttribute(path, Self.imageAttribute, digest.description.utf8)
    case .names: try Files.createSymlink("\(path)/\(Self.imageLink)", target: digest.description)
    }
  }

  /// The manifest that a snapshot was made for; nil if there is no such snapshot.
  func snapshotImage(_ key: String) -> Digest? {
    let path = "\(root)/snapshots/active/\(key)"
    guard let directory = try? Files.open(path, ContentFlags.directory) else { return nil }
    if let value = (try? TreeFiles.attribute(directory, Self.imageAttribute)) ?? nil {
      return Digest(String(decoding: value, as: UTF8.self))
    }
    return (try? Files.readLink("\(path)/\(Self.imageLink)")).flatMap { Digest($0) }
  }

  /// Has a pod hold on to an image that it only reads, as `prepareSnapshot` does for one that it runs on, until `removeSnapshot`. One of
  /// that key is fine.
  public func holdView(of image: Image, key: String) throws(BerthError) -> ImageTree {
    guard Self.isKey(key) else { throw refuse(key, "the key is no safe name") }
    let path = "\(root)/snapshots/active/\(key)"
    do throws(Errno) {
      do throws(Errno) { try Files.createDirectory(path, mode: 0o700) } catch { if error != .exists { throw error } }
      if snapshotImage(key) != image.digest {
        try Files.unlink("\(path)/\(Self.imageLink)")
        try markImage(path, image.digest)
      }
    } catch { throw unprepared(key, error) }
    do throws(BerthError) {
      try checkPresence(image, key)
      return try tree(of: image)
    } catch {
      removeTree("\(root)/snapshots/active", key)
      throw error
    }
  }

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
