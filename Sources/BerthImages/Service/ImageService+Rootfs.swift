import BerthCore
import BerthLinux
import BerthOCI
import BerthStore

extension ImageService {
  /// A directory of the node as an image: one read-only layer, no configuration. Nothing of it is in the store. It is known by its path,
  /// so that a pod goes on with it whatever becomes of its content. nil where there is no such directory.
  func rootfs(_ path: String) -> Image? {
    // Whatever symlinks lead to it: overlayfs is given the directory itself.
    guard let real = try? Files.realPath(path), let status = try? Files.status(real), status.kind == .directory else { return nil }
    let reference = ImageReference.rootfs(path: path).description
    return Image(
      requested: reference, digest: .sha256(of: Array(reference.utf8)), indexDigest: nil, config: ImageConfig(), chainIDs: [],
      layerDirectories: [real], size: 0, created: status.changedNanoseconds / 1_000_000_000, isPinned: false, lastUsed: 0,
      isDirectory: true, root: Image.RootDirectory(mode: status.permissions, uid: status.uid, gid: status.gid))
  }

  /// As `rootfs`. Throws where there is no such directory.
  func directory(_ path: String) throws(BerthError) -> Image {
    if let image = rootfs(path) { return image }
    do throws(Errno) { _ = try Files.status(path) } catch {
      throw BerthError(error == .notFound ? .notFound : .unavailable, "read root file system", path, cause: "\(error)")
    }
    throw BerthError(.invalidArgument, "read root file system", path, cause: "it is no directory")
  }
}
