import BerthArchive
import BerthCore
import BerthLinux

/// Images that are only read. Where overlayfs can't stack their layers, one directory of links to the layers' files is made for all who
/// read the image, and goes with it.
extension ImageService {
  private var views: String { "\(root)/snapshots/views" }

  /// The image's files as they can be shown. Whoever asks keeps the image from being pruned meanwhile.
  func tree(of image: Image) throws(BerthError) -> ImageTree {
    switch snapshotter.kind {
    // overlayfs wants two lower directories.
    case .overlay: return .layers(image.layerDirectories + ["\(root)/snapshots/empty"])
    case .copy:
      if image.isDirectory { return .directory(image.layerDirectories[0]) }
      guard let top = image.chainIDs.last else { return .directory("\(root)/snapshots/empty") }
      return .directory(try view(of: image, "\(views)/\(top.hex)"))
    }
  }

  /// Made beside its place, put on stable storage and renamed: what has the name is whole.
  private func view(of image: Image, _ path: String) throws(BerthError) -> String {
    if Files.exists(path) { return path }
    let draft = "\(path).\(UInt64.random(in: 0 ... .max))"
    defer { try? Files.removeTree(draft) }
    do throws(Errno) {
      try Files.makeDirectories(views)
      try Files.createDirectory(draft, mode: 0o700)
    } catch { throw failure(path, error) }
    try merge(image, into: draft, .link)
    do throws(Errno) {
      try TreeFiles.syncFileSystem(try Files.open(draft, ContentFlags.directory))
      do throws(Errno) { try Files.rename(draft, to: path) } catch {
        // Somebody else was faster: theirs is as good.
        guard error == .exists || error == .notEmpty else { throw error }
      }
    } catch { throw failure(path, error) }
    return path
  }

  private func failure(_ path: String, _ error: Errno) -> BerthError {
    BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "show image", path, cause: "\(error)")
  }

  /// Those of images that are gone, and drafts that nobody goes on with. `needed`: the chains of all images that are not.
  func removeViews(but needed: Set<Digest>) {
    let kept = Set(needed.map(\.hex))
    for name in (try? Files.list(views)) ?? [] where !kept.contains(name) && !name.contains(".") { removeTree(views, name) }
  }

  /// At the daemon's start, when nobody makes one.
  func removeDraftViews() {
    for name in (try? Files.list(views)) ?? [] where name.contains(".") { removeTree(views, name) }
  }
}
