import BerthCore
import BerthImages
import BerthManifest
import BerthPlan
import BerthPods
import BerthStore

extension PodManager: PodService {
  public func create(_ request: PodRequest) async throws(BerthError) -> any PodHandle { try await make(request) }
}

extension Pod: PodHandle {}

extension ImageService: ImageProvider {
  public func lookup(_ reference: String) throws(BerthError) -> String? {
    try lookup(ImageReference(parsing: reference))?.digest.description
  }

  public func pull(_ reference: String) throws(BerthError) -> String {
    try pull(ImageReference(parsing: reference), progress: { _ in }, cancellation: nil).digest.description
  }
}
