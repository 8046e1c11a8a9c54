import BerthCore
import BerthStore

/// A signature that lies beside an image in its registry, as cosign puts it there. Nothing in it is trusted before a key has verified it.
public struct ImageSignature: Sendable, Equatable {
  /// What is signed: a JSON document that names the image's digest.
  public var payload: [UInt8]
  public var signature: [UInt8]

  public init(payload: [UInt8], signature: [UInt8]) {
    self.payload = payload
    self.signature = signature
  }

  /// Of one image.
  public static let limit = 32
  /// Of a payload, in bytes.
  public static let payloadBytes = 16 << 10

  /// The digest that the payload speaks of; nil if it is none of this kind. Source: cosign "specs/SIGNATURE_SPEC.md".
  var subject: Digest? {
    guard let json = try? JSON(parsing: payload), let critical = json["critical"],
      critical["type"]?.string == "cosign container image signature"
    else { return nil }
    return critical["image"]?["docker-manifest-digest"]?.string.flatMap { Digest($0) }
  }

  var json: JSON {
    ["payload": .string(Base64Text.encode(payload)), "signature": .string(Base64Text.encode(signature))]
  }

  init?(_ json: JSON) {
    guard let payload = json["payload"]?.string.flatMap({ Base64Text.decode($0) }), payload.count <= Self.payloadBytes,
      let signature = json["signature"]?.string.flatMap({ Base64Text.decode($0) }), signature.count <= 4096
    else { return nil }
    self.init(payload: payload, signature: signature)
  }
}
