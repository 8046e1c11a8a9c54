import BerthCore
import BerthImages
import BerthOCI
import BerthStore

/// Signatures that lie beside an image: under the tag that cosign makes of its digest, and as its referrers. What is malformed is passed
/// over: an image without a good signature is refused by whoever asked for them.
/// Sources: cosign "specs/SIGNATURE_SPEC.md"; OCI distribution-spec "Listing Referrers".
extension RegistrySource {
  private static let payloadType = "application/vnd.dev.cosign.simplesigning.v1+json"
  private static let signatureKey = "dev.cosignproject.cosign/signature"

  public func signatures(of digests: [Digest]) throws(BerthError) -> [ImageSignature] {
    var found: [ImageSignature] = []
    for digest in digests {
      for document in try documents(beside: digest) { try collect(document, into: &found) }
    }
    return found
  }

  /// Manifests that may hold signatures of the digest.
  private func documents(beside digest: Digest) throws(BerthError) -> [[UInt8]] {
    var documents: [[UInt8]] = []
    if let tagged = try raw("manifests/sha256-\(digest.hex).sig") { documents.append(tagged) }
    // A registry without the API has an index under the digest's own tag.
    let referrers = try raw("referrers/\(digest)").flatMap { $0.isEmpty ? nil : $0 }
    guard let list = if let referrers { referrers } else { try raw("manifests/sha256-\(digest.hex)") },
      let entries = (try? JSON(parsing: list))?["manifests"]?.array
    else { return documents }
    for entry in entries.prefix(ImageSignature.limit) {
      guard let name = entry["digest"]?.string.flatMap({ Digest($0) }), let bytes = try raw("manifests/\(name)"),
        Digest.sha256(of: bytes) == name
      else { continue }
      documents.append(bytes)
    }
    return documents
  }

  private func collect(_ document: [UInt8], into found: inout [ImageSignature]) throws(BerthError) {
    guard let json = try? JSON(parsing: document) else { return }
    for layer in (json["layers"]?.array ?? []).prefix(ImageSignature.limit) where found.count < ImageSignature.limit {
      guard layer["mediaType"]?.string == Self.payloadType, let digest = layer["digest"]?.string.flatMap({ Digest($0) }),
        let text = layer["annotations"]?[Self.signatureKey]?.string, let signature = Base64Text.decode(text), signature.count <= 4096,
        let payload = try raw("blobs/\(digest)", limit: ImageSignature.payloadBytes), Digest.sha256(of: payload) == digest
      else { continue }
      found.append(ImageSignature(payload: payload, signature: signature))
    }
  }

  /// nil for what no place has.
  private func raw(_ path: String, limit: Int = ImageLimits.documentBytes) throws(BerthError) -> [UInt8]? {
    do throws(BerthError) {
      return try fetch(path, limit: limit)
    } catch {
      // Registries answer all of these for what they don't have or don't know.
      if [.notFound, .invalidArgument, .unsupported].contains(error.code) { return nil }
      throw error
    }
  }
}
