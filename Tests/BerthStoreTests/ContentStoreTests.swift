import BerthCore
import BerthLinux
import BerthStore
import ImageFixtures
import Testing

@Suite("content store")
struct ContentStoreTests {
  let directory: TemporaryDirectory
  let store: ContentStore
  init() throws {
    directory = try TemporaryDirectory()
    store = try ContentStore(root: directory("content"))
  }

  private func failure(_ bytes: [UInt8], _ digest: Digest, _ size: Int64) throws -> BerthError? {
    let ingest = try store.ingest()
    try ingest.write(bytes)
    do throws(BerthError) {
      try ingest.commit(digest: digest, size: size)
      return nil
    } catch { return error }
  }

  @Test("digests are SHA-256, chain IDs as the image specification computes them")
  func digests() {
    #expect(Digest.sha256(of: []).hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    let (one, two) = (Digest.sha256(of: [1]), Digest.sha256(of: [2]))
    #expect(Digest.chains([one, two]) == [one, .sha256(of: Array("\(one) \(two)".utf8))])
  }

  @Test("a blob shows under its digest once it is committed, and not before")
  func commit() throws {
    let bytes = Array("content".utf8)
    let digest = Digest.sha256(of: bytes)
    let ingest = try store.ingest()
    try ingest.write(bytes)
    #expect(!store.contains(digest))
    try ingest.commit(digest: digest, size: Int64(bytes.count))
    #expect(try store.read(digest) == bytes)
    #expect(try store.blobs() == [digest])
    #expect(try Files.list(directory("content/ingest")).isEmpty)
  }

  @Test("wrong bytes, too few and too many are told apart, and leave nothing")
  func mismatch() throws {
    let digest = Digest.sha256(of: Array("right".utf8))
    let wrong = try #require(try failure(Array("wrong".utf8), digest, 5))
    #expect(wrong.code == .dataLoss && wrong.cause.contains("expected \(digest), got sha256:"))
    #expect(try failure(Array("righ".utf8), digest, 5)?.cause.contains("truncated: expected 5 bytes, got 4") == true)
    #expect(try failure(Array("right!".utf8), digest, 5)?.cause.contains("too long") == true)
    #expect(try store.blobs().isEmpty)
    #expect(try Files.list(directory("content/ingest")).isEmpty)
  }

  @Test("a blob that was damaged counts as none and is removed")
  func damaged() throws {
    let bytes = Array("content".utf8)
    let digest = Digest.sha256(of: bytes)
    try store.write(bytes, digest: digest)
    try Files.writeAtomically(Array("Content".utf8), to: store.path(digest))
    #expect(try store.read(digest) == nil)
    #expect(!store.contains(digest))
    try Files.createSymlink(store.path(digest), target: "/etc/passwd")
    #expect(!store.contains(digest, size: 7))
  }
}
