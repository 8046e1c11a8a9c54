import BerthCore
import BerthStore

extension ImageService {
  /// The image with this manifest, whatever its reference means by now: what a pod goes on with that was made from it. nil if it is not
  /// here whole; a prune keeps it as long as a snapshot was made for it.
  public func image(digest: Digest) throws(BerthError) -> Image? {
    try load(ImageRecord(reference: digest.description, manifest: digest, mediaType: "", index: nil, source: nil, created: 0))
  }
}
