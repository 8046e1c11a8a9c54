import BerthCore
import CCrypto

/// A key that signatures are checked with: ECDSA on P-256 over SHA-256, or Ed25519. By libcrypto.
public final class PublicKey: @unchecked Sendable {
  // Never changed after init; libcrypto counts its references atomically.
  private let key: OpaquePointer
  private let hash: OpaquePointer?

  /// A PEM text (`BEGIN PUBLIC KEY`). Throws `invalidArgument` for anything else and for keys of other kinds; `file` names it.
  public init(pem: [UInt8], file: String) throws(BerthError) {
    func refuse(_ cause: String) -> BerthError { BerthError(.invalidArgument, "read public key", file, cause: cause) }
    let key = pem.withUnsafeBytes { bytes -> OpaquePointer? in
      guard let memory = BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else { return nil }
      defer { BIO_free(memory) }
      return PEM_read_bio_PUBKEY(memory, nil, nil, nil)
    }
    guard let key else {
      ERR_clear_error()
      throw refuse("it is no PEM public key")
    }
    switch EVP_PKEY_get_base_id(key) {
    case EVP_PKEY_ED25519: hash = nil
    case EVP_PKEY_EC where Self.group(key) == "prime256v1": hash = EVP_sha256()
    default:
      EVP_PKEY_free(key)
      throw refuse("its kind is not supported: ECDSA on P-256 and Ed25519 are")
    }
    self.key = key
  }

  deinit { EVP_PKEY_free(key) }

  private static func group(_ key: OpaquePointer) -> String {
    var name = [CChar](repeating: 0, count: 64)
    var length = 0
    guard EVP_PKEY_get_group_name(key, &name, name.count, &length) == 1 else { return "" }
    return String(decoding: name.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Whether `signature` (ECDSA: DER) is this key's over exactly `message`.
  public func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
    guard let context = EVP_MD_CTX_new() else { return false }
    defer {
      EVP_MD_CTX_free(context)
      ERR_clear_error()
    }
    guard EVP_DigestVerifyInit(context, nil, hash, nil, key) == 1 else { return false }
    return EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
  }
}
