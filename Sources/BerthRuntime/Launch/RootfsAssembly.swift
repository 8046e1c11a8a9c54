import BerthCore
import BerthLinux

/// Makes a container's root file system as a mount that is attached nowhere yet: the node's own mounts stay as they are.
enum RootfsAssembly {
  static func mount(_ source: RootfsSource, bundle: String) throws(BerthError) -> FD {
    switch source {
    case .directory(let path):
      do throws(Errno) {
        guard try Files.linkStatus(path).kind == .directory else { throw Errno.notDirectory }
        return try DetachedMount.copy(path, recursive: true)
      } catch { throw failure(path, error) }
    case .overlay(let lower, let upper, let work): return try overlay(lower, upper, work, bundle)
    }
  }

  private static func overlay(_ lower: [String], _ upper: String, _ work: String, _ bundle: String) throws(BerthError) -> FD {
    let layers: DetachedMount.OverlayLayers
    do throws(DetachedMount.PathError) { layers = try DetachedMount.OverlayLayers(lower: lower, upper: upper, work: work) } catch {
      throw failure(error.path, error.error)
    }
    do throws(Errno) { return try DetachedMount.overlay(layers) } catch {
      guard error == .invalid || error == .notSupported else { throw failure("overlay on \(upper)", error) }
    }
    // An older kernel: by options.
    do throws(Errno) { return try DetachedMount.overlayByOptions(lower: lower, upper: upper, work: work, at: bundle) } catch {
      throw failure("overlay on \(upper)", error)
    }
  }

  private static func failure(_ path: String, _ error: Errno) -> BerthError {
    BerthError(.failedPrecondition, "mount root file system", path, cause: error.description)
  }
}
