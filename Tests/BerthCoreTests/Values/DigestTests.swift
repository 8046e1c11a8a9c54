import BerthCore
import Testing

@Suite("Digests")
struct DigestTests {
  static let hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

  @Test("a digest is sha256: and 64 lower-case hexadecimal digits")
  func parse() throws {
    let digest = try #require(Digest("sha256:\(Self.hex)"))
    #expect(digest.hex == Self.hex)
    #expect(digest.description == "sha256:\(Self.hex)")
    #expect(digest.short == "0123456789ab")
    #expect(Digest(hex: Self.hex) == digest)
    #expect(Digest("xsha256:\(Self.hex)".dropFirst()) == digest)
  }

  @Test(
    "B02: anything else is none, so a digest is always one safe component of a path",
    arguments: [
      "", "sha256:", hex, "SHA256:\(hex)", "sha256:\(hex)0", "sha256:\(hex.dropLast())", "sha256:\(hex.uppercased())", "sha512:\(hex)",
      "sha256:../\(hex.dropFirst(3))", "sha256:\(hex.dropLast())\u{301}", " sha256:\(hex)", "sha256:\(hex)\n", "sha256:\(hex.dropLast())g",
    ])
  func refuse(text: String) {
    #expect(Digest(text) == nil)
  }

  @Test("a digest is made from 32 bytes, no other number")
  func bytes() {
    #expect(Digest(sha256: (0..<32).map { UInt8($0) * 8 })?.hex == "0008101820283038404850586068707880889098a0a8b0b8c0c8d0d8e0e8f0f8")
    #expect(Digest(sha256: [UInt8](repeating: 0, count: 31)) == nil)
    #expect(Digest(sha256: [UInt8](repeating: 0, count: 33)) == nil)
  }

  /// FIPS 180-4's examples, and lengths around the padding's edges (values from sha256sum of so many letters a).
  @Test(
    "SHA-256 gives the known answers",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
      (String(repeating: "a", count: 55), "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"),
      (String(repeating: "a", count: 56), "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"),
      (String(repeating: "a", count: 63), "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"),
      (String(repeating: "a", count: 64), "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"),
      (String(repeating: "a", count: 65), "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"),
      (String(repeating: "a", count: 119), "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"),
      (String(repeating: "a", count: 120), "2f3d335432c70b580af0e8e1b3674a7c020d683aa5f73aaaedfdc55af904c21c"),
      (String(repeating: "a", count: 1000), "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"),
    ])
  func sha256(text: String, expected: String) {
    #expect(SHA256.hexDigest(Array(text.utf8)) == expected)
    #expect(SHA256.hash(Array(text.utf8)).count == 32)
  }
}
