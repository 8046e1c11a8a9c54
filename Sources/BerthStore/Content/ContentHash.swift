import BerthCore
import CCrypto

/// SHA-256 of a stream, by libcrypto. Used by one thread at a time.
public final class ContentHash {
  private let context: OpaquePointer

  public init() {
    // Both fail only for want of memory or of SHA-256, without which nothing here can go on.
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
      preconditionFailure("libcrypto has no SHA-256")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  public func update(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    _ = EVP_DigestUpdate(context, base, bytes.count)
  }

  /// Of all bytes so far. Nothing may be added after it.
  public func finish() -> Digest {
    var hash = [UInt8](repeating: 0, count: 32)
    _ = EVP_DigestFinal_ex(context, &hash, nil)
    guard let digest = Digest(sha256: hash) else { preconditionFailure("SHA-256 has 32 bytes") }
    return digest
  }
}

extension Digest {
  /// The digest of `bytes`.
  public static func sha256(of bytes: [UInt8]) -> Digest {
    let hash = ContentHash()
    bytes.withUnsafeBytes { hash.update($0) }
    return hash.finish()
  }

  /// Of a stack of layers: the lowest's chain ID is its diff ID, each further one's hashes the chain below and its own.
  /// Source: OCI image-spec config.md "Layer ChainID".
  public static func chain(_ below: Digest?, _ diff: Digest) -> Digest {
    guard let below else { return diff }
    return sha256(of: Array("\(below) \(diff)".utf8))
  }

  /// The chain IDs of `diffIDs`, lowest first.
  public static func chains(_ diffIDs: [Digest]) -> [Digest] {
    var chains: [Digest] = []
    for diff in diffIDs { chains.append(chain(chains.last, diff)) }
    return chains
  }
}
