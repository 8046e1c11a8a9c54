import BerthCore
import BerthLinux
import BerthStore

extension ImageService {
  /// Gives the image that `source` names a further name, in place of what that stood for. Throws `notFound` if there is no such image
  /// and `invalidArgument` for a name that none can have.
  public func tag(_ source: ImageReference, as target: ImageReference) throws(BerthError) {
    guard case .registry(let name) = target, name.digest == nil else {
      throw BerthError(.invalidArgument, "tag image", "\(target)", cause: "a new name has the form [HOST/]REPOSITORY[:TAG]")
    }
    guard let image = try lookup(source), let record = try record(of: image, named: source) else {
      throw BerthError(.notFound, "tag image", "\(source)", cause: "it is not in the store; berth image pull fetches it")
    }
    let key = target.description
    layers.with { $0.cache[key] = nil }
    try metadata.putImage(
      ImageRecord(
        reference: key, manifest: record.manifest, mediaType: record.mediaType, index: record.index, source: nil,
        created: Clock.wallNanoseconds() / 1_000_000_000, lastUsed: record.lastUsed))
  }

  /// The record of any name that the image has.
  private func record(of image: Image, named reference: ImageReference) throws(BerthError) -> ImageRecord? {
    if let record = try metadata.image(reference.description) { return record }
    return try metadata.images().first { $0.manifest == image.digest }
  }

  /// Keeps the image from being removed to make room, or no longer. Throws `notFound` if there is no such image.
  public func pin(_ reference: ImageReference, _ isPinned: Bool) throws(BerthError) {
    layers.with { $0.cache[reference.description] = nil }
    guard try metadata.pinImage(reference.description, isPinned) else {
      throw BerthError(
        .notFound, isPinned ? "pin image" : "unpin image", "\(reference)",
        cause: "there is no such image; berth image ls shows those that are here")
    }
  }
}
