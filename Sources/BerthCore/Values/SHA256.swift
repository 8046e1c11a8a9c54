/// SHA-256 in plain Swift, for the few kilobytes that the layers below the cryptographic library hash. Blobs go through libcrypto.
/// Source: FIPS 180-4 section 6.2.
public struct SHA256 {
  private var state = SIMD8<UInt32>(
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19)

  private static let constants: [UInt32] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5, 0xd807_aa98, 0x1283_5b01,
    0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174, 0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc,
    0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da, 0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147,
    0x06ca_6351, 0x1429_2967, 0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070, 0x19a4_c116, 0x1e37_6c08,
    0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3, 0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208,
    0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
  ]

  private init() {}

  /// The 32 bytes of the hash.
  public static func hash(_ bytes: [UInt8]) -> [UInt8] {
    var hasher = SHA256()
    bytes.withUnsafeBytes { hasher.hash($0) }
    return [UInt8](unsafeUninitializedCapacity: 32) { result, count in
      for at in 0..<32 { result[at] = UInt8(truncatingIfNeeded: hasher.state[at / 4] >> UInt32(24 - at % 4 * 8)) }
      count = 32
    }
  }

  /// 64 lower-case hexadecimal digits.
  public static func hexDigest(_ bytes: [UInt8]) -> String { Digest(sha256: hash(bytes))?.hex ?? "" }

  private mutating func hash(_ bytes: UnsafeRawBufferPointer) {
    let whole = bytes.count & ~63
    for start in stride(from: 0, to: whole, by: 64) { compress(UnsafeRawBufferPointer(rebasing: bytes[start..<start + 64])) }
    let rest = bytes.count - whole
    // A one, zeros, and the count of bits in the last eight bytes.
    let size = rest < 56 ? 64 : 128
    withUnsafeTemporaryAllocation(byteCount: 128, alignment: 8) { tail in
      tail.initializeMemory(as: UInt8.self, repeating: 0)
      if rest > 0 { tail.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[whole...])) }
      tail[rest] = 0x80
      tail.storeBytes(of: (UInt64(bytes.count) &* 8).bigEndian, toByteOffset: size - 8, as: UInt64.self)
      for start in stride(from: 0, to: size, by: 64) { compress(UnsafeRawBufferPointer(rebasing: tail[start..<start + 64])) }
    }
  }

  /// `block`: 64 bytes.
  private mutating func compress(_ block: UnsafeRawBufferPointer) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { schedule in
      Self.fill(schedule, from: block)
      mix(schedule)
    }
  }

  private static func fill(_ schedule: UnsafeMutableBufferPointer<UInt32>, from block: UnsafeRawBufferPointer) {
    for word in 0..<16 { schedule[word] = UInt32(bigEndian: block.loadUnaligned(fromByteOffset: word * 4, as: UInt32.self)) }
    for word in 16..<64 {
      let old = schedule[word - 15]
      let recent = schedule[word - 2]
      let small0 = rotate(old, 7) ^ rotate(old, 18) ^ (old >> 3)
      let small1 = rotate(recent, 17) ^ rotate(recent, 19) ^ (recent >> 10)
      schedule[word] = schedule[word - 16] &+ small0 &+ schedule[word - 7] &+ small1
    }
  }

  private mutating func mix(_ schedule: UnsafeMutableBufferPointer<UInt32>) {
    var (a, b, c, d) = (state[0], state[1], state[2], state[3])
    var (e, f, g, h) = (state[4], state[5], state[6], state[7])
    Self.constants.withUnsafeBufferPointer { constants in
      // Eight rounds at a time: after them every word is back in its own place, and none was moved.
      for start in stride(from: 0, to: 64, by: 8) {
        func next(_ at: Int) -> UInt32 { constants[start &+ at] &+ schedule[start &+ at] }
        Self.round(a, b, c, &d, e, f, g, &h, next(0))
        Self.round(h, a, b, &c, d, e, f, &g, next(1))
        Self.round(g, h, a, &b, c, d, e, &f, next(2))
        Self.round(f, g, h, &a, b, c, d, &e, next(3))
        Self.round(e, f, g, &h, a, b, c, &d, next(4))
        Self.round(d, e, f, &g, h, a, b, &c, next(5))
        Self.round(c, d, e, &f, g, h, a, &b, next(6))
        Self.round(b, c, d, &e, f, g, h, &a, next(7))
      }
    }
    state &+= SIMD8(a, b, c, d, e, f, g, h)
  }

  @inline(__always) private static func round(
    _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: inout UInt32, _ e: UInt32, _ f: UInt32, _ g: UInt32, _ h: inout UInt32, _ input: UInt32
  ) {
    let first = h &+ (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) &+ ((e & f) ^ (~e & g)) &+ input
    d &+= first
    h = first &+ (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) &+ ((a & b) ^ (a & c) ^ (b & c))
  }

  private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { word &>> count | word &<< (32 &- count) }
}
