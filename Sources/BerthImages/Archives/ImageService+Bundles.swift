import BerthCore
import BerthLinux
import BerthStore

/// What became of one archive of the bundle directory.
public struct BundleOutcome: Sendable {
  public var path: String
  /// What was imported, or why that failed.
  public var result: Result<[ImportedImage], BerthError>
}

extension ImageService {
  /// Imports archives and layout directories that are new or changed in `directory`, under the names that they claim, and pins their
  /// images: the directory is the operator's, as manifests are. Hidden files, and those ending in `~`, `.part` or `.tmp`, are left
  /// alone. One that is unusable hinders no other. Images of an archive that is gone stay.
  @discardableResult
  public func importBundles(_ directory: String) throws(BerthError) -> [BundleOutcome] {
    let names: [String]
    do throws(Errno) { names = try Files.list(directory).sorted() } catch {
      throw BerthError(error == .notFound ? .notFound : .unavailable, "read bundles", directory, cause: "\(error)")
    }
    let known = try metadata.bundles()
    let paths = names.filter(Self.isBundle).map { "\(directory)/\($0)" }
    for path in known.keys where !paths.contains(path) { try metadata.removeBundle(path) }
    var outcomes: [BundleOutcome] = []
    for path in paths {
      guard let identity = Self.identity(path), known[path] != identity else { continue }
      do throws(BerthError) {
        let images = try importImages(ImportRequest(path: path, naming: .claimed, isPinned: true))
        try metadata.putBundle(path, identity: identity)
        outcomes.append(BundleOutcome(path: path, result: .success(images)))
      } catch { outcomes.append(BundleOutcome(path: path, result: .failure(error))) }
    }
    return outcomes
  }

  /// All bundles are imported again at the next look at their directory: what is missing of their images comes back.
  func forgetBundles() throws(BerthError) {
    for path in try metadata.bundles().keys { try metadata.removeBundle(path) }
  }

  static func isBundle(_ name: String) -> Bool {
    !name.hasPrefix(".") && !["~", ".part", ".tmp"].contains { name.hasSuffix($0) }
  }

  /// As `LocalSource` tells files and layouts apart; nil for what is neither.
  private static func identity(_ path: String) -> String? {
    guard let status = try? Files.status(path) else { return nil }
    switch status.kind {
    case .regular: return LocalSource.identity(.archive(path: path, tag: nil))
    case .directory: return LocalSource.identity(.layout(path: path, tag: nil))
    default: return nil
    }
  }
}
