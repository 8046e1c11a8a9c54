extension String {
  /// nil unless `bytes` are valid UTF-8. As `String(validating:as:)`, but without the generic types that the library's one looks up at
  /// run time: they cost a shim some pages of its own.
  public init?(validUTF8 bytes: [UInt8]) { self.init(validUTF8: bytes[...]) }

  /// As `init(validUTF8:)` of an array.
  public init?(validUTF8 bytes: ArraySlice<UInt8>) {
    self.init(decoding: bytes, as: UTF8.self)
    if bytes.allSatisfy({ $0 < 128 }) { return }
    // Repaired text differs from what it was made of.
    guard utf8.count == bytes.count else { return nil }
    for (mine, theirs) in zip(utf8, bytes) where mine != theirs { return nil }
  }
}
