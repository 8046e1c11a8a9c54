import BerthCore
import BerthLinux
import BerthOCI

/// Makes a container's root file system as a mount that is attached nowhere yet: the node's own mounts stay as they are.
struct RootfsAssembly {
  let bundle: String
  /// Of the container's user namespace: its root owns what it writes, and image files are seen as its own.
  var maps: IDMaps?
  /// The namespace itself, open, where it is there already.
  var users: Int32?

  func mount(_ source: RootfsSource) throws(BerthError) -> FD {
    switch source {
    case .directory(let path): return try directory(path)
    case .overlay(let lower, let upper, let work): return try overlay(lower, upper, work)
    }
  }

  private func directory(_ path: String) throws(BerthError) -> FD {
    let map = try namespace()
    do throws(Errno) {
      guard try Files.linkStatus(path).kind == .directory else { throw Errno.notDirectory }
      let tree = try DetachedMount.copy(path, recursive: true)
      if let map { try DetachedMount.map(tree, by: map, recursive: true) }
      return tree
    } catch { throw failure(path, error) }
  }

  private func overlay(_ lower: [String], _ upper: String, _ work: String) throws(BerthError) -> FD {
    let map = try namespace()
    let layers: DetachedMount.OverlayLayers
    let writable = DetachedMount.Writable(upper: upper, work: work)
    do throws(DetachedMount.PathError) {
      layers = try DetachedMount.OverlayLayers(lower: lower, writable: writable, map: map)
    } catch { throw failure(error.path, error.error) }
    try give(upper)
    do throws(Errno) { return try DetachedMount.overlay(layers) } catch {
      guard error == .invalid || error == .notSupported else { throw failure("overlay on \(upper)", error) }
    }
    // An older kernel: by options.
    do throws(Errno) {
      return try DetachedMount.overlayByOptions(lower: lower, writable: writable, map: map, at: bundle)
    } catch { throw failure("overlay on \(upper)", error) }
  }

  /// Not idmapped itself: what the container's root writes belongs to it on the node too.
  private func give(_ upper: String) throws(BerthError) {
    guard let maps else { return }
    guard let uid = maps.hostUID(0), let gid = maps.hostGID(0) else { throw failure(upper, .invalid) }
    do throws(Errno) {
      try Files.changeOwner(try Files.open(upper, FileFlags.path | FileFlags.directory), uid: uid, gid: gid)
    } catch { throw failure(upper, error) }
  }

  /// Open as long as this process lives.
  private func namespace() throws(BerthError) -> Int32? {
    guard let maps else { return nil }
    if let users { return users }
    do throws(Errno) {
      return try UserNamespaces.make(uidMap: IDMaps.text(maps.uids), gidMap: IDMaps.text(maps.gids)).release()
    } catch { throw BerthError(.failedPrecondition, "map ids of root file system", bundle, cause: error.description) }
  }

  private func failure(_ path: String, _ error: Errno) -> BerthError {
    let cause = maps != nil && error == .invalid ? "its file system can't show other ids (idmapped mounts): \(error)" : error.description
    return BerthError(.failedPrecondition, "mount root file system", path, cause: cause)
  }
}
