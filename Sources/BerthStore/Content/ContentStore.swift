import BerthCore
import BerthLinux

/// Blobs by their digest, in `ROOT/content`: what lies under `blobs/sha256/HEX` was verified before it got that name, and was on
/// stable storage. Any number of processes may use the same store.
public struct ContentStore: Sendable {
  public let root: String
  /// Where what is taken in lies until it is whole: on the same file system.
  fileprivate let ingestDirectory: String
  /// Whether a blob's modification time says when it was last looked at: for pulls, whose leases keep what was used since.
  private let marksUse: Bool

  /// Makes the directories where they are missing. `ingest`: a directory below the usual one, for who may be ended at any moment and
  /// whose leavings others remove.
  public init(root: String, ingest: String? = nil, marksUse: Bool = false) throws(BerthError) {
    self.root = root
    ingestDirectory = "\(root)/ingest" + (ingest.map { "/\($0)" } ?? "")
    self.marksUse = marksUse
    do throws(Errno) {
      try Files.makeDirectories("\(root)/blobs/sha256")
      try Files.makeDirectories(ingestDirectory)
    } catch { throw BerthError(.unavailable, "open content store", root, cause: "\(error)") }
  }

  public func path(_ digest: Digest) -> String { "\(root)/blobs/sha256/\(digest.hex)" }

  /// Opens a blob whose size is `size` (nil: whatever it is); nil if there is none. A blob of another size is damaged and is removed.
  public func open(_ digest: Digest, size: Int64? = nil) throws(BerthError) -> FD? {
    do throws(Errno) {
      let file = try Files.open(path(digest), ContentFlags.read)
      let status = try file.status()
      if status.kind == .regular, size == nil || status.size == size {
        if marksUse { markUse(file) }
        return file
      }
    } catch {
      if error == .notFound { return nil }
      throw BerthError(.unavailable, "read content", digest.description, cause: "\(error)")
    }
    try remove(digest)
    return nil
  }

  public func contains(_ digest: Digest, size: Int64? = nil) -> Bool {
    guard let status = try? Files.linkStatus(path(digest)), status.kind == .regular else { return false }
    return size == nil || status.size == size
  }

  /// As `contains`, for who counts on it: a blob of another size is removed, and it has been looked at.
  public func has(_ digest: Digest, size: Int64) throws(BerthError) -> Bool { try open(digest, size: size) != nil }

  /// A small blob, verified once more; nil if there is none. A blob that doesn't verify is removed and counts as none.
  public func read(_ digest: Digest, limit: Int = 4 << 20) throws(BerthError) -> [UInt8]? {
    guard let file = try open(digest) else { return nil }
    let bytes: [UInt8]
    do throws(Errno) { bytes = try file.readAll(limit: limit) } catch {
      throw BerthError(.unavailable, "read content", digest.description, cause: "\(error)")
    }
    guard Digest.sha256(of: bytes) == digest else {
      try remove(digest)
      return nil
    }
    return bytes
  }

  /// Best effort: without the mark a blob that is collected too early is fetched again.
  private func markUse(_ file: borrowing FD) {
    let now = Clock.wallNanoseconds()
    try? TreeFiles.setModified(file, TreeFiles.Time(seconds: now / 1_000_000_000, nanoseconds: now % 1_000_000_000))
  }

  /// Removes a blob unless it came, or a pull looked at it, since `lease` (wall clock, nanoseconds; nil: there is no lease). Returns its
  /// size if it went.
  public func remove(_ digest: Digest, unlessUsedSince lease: Int64?) throws(BerthError) -> Int64? {
    guard let status = try? Files.linkStatus(path(digest)) else { return nil }
    if let lease, status.modifiedNanoseconds >= lease { return nil }
    try remove(digest)
    return status.size
  }

  /// One that isn't there is fine.
  public func remove(_ digest: Digest) throws(BerthError) {
    do throws(Errno) { try Files.unlink(path(digest)) } catch {
      throw BerthError(.unavailable, "remove content", digest.description, cause: "\(error)")
    }
  }

  /// The blobs that are here, by digest.
  public func blobs() throws(BerthError) -> [Digest] {
    do throws(Errno) { return try Files.list("\(root)/blobs/sha256").compactMap { Digest(hex: $0) } } catch {
      throw BerthError(.unavailable, "list content", root, cause: "\(error)")
    }
  }

  /// Starts taking a blob in. Nothing shows under its digest before `commit`.
  public func ingest() throws(BerthError) -> Ingest { try Ingest(self) }

  /// Takes in bytes that are in memory; their digest is `digest` or it throws.
  public func write(_ bytes: [UInt8], digest: Digest) throws(BerthError) {
    if contains(digest, size: Int64(bytes.count)), try read(digest, limit: bytes.count) != nil { return }
    let ingest = try ingest()
    try ingest.write(bytes)
    try ingest.commit(digest: digest, size: Int64(bytes.count))
  }

  /// What an interrupted ingest has left. Only when nobody takes anything in.
  public func removeLeftovers() {
    for name in (try? Files.list("\(root)/ingest")) ?? [] { removeLeftovers(of: name) }
  }

  /// What has been taken in with `ingest` as the directory and was not published. Only when nobody uses it any more. Best effort: what
  /// can't be removed now goes at the next start.
  public func removeLeftovers(of ingest: String) { try? Files.removeTree("\(root)/ingest/\(ingest)") }
}

/// A blob on its way into the store: hashed and counted while it is written. Removed unless it is committed or published. Used by one
/// thread at a time.
public final class Ingest: @unchecked Sendable {
  // Handed from the thread that wrote it to the one that publishes it, never shared.
  fileprivate let store: ContentStore
  fileprivate let path: String
  fileprivate let file: FD
  fileprivate var sealed: Digest?
  fileprivate let hash = ContentHash()
  fileprivate var written: Int64 = 0
  fileprivate var isDone = false
  private var early = EarlyWriting()

  fileprivate init(_ store: ContentStore) throws(BerthError) {
    self.store = store
    path = "\(store.ingestDirectory)/\(UInt64.random(in: 0 ... .max))"
    do throws(Errno) { file = try Files.open(path, ContentFlags.create) } catch {
      throw BerthError(.unavailable, "write content", path, cause: "\(error)")
    }
  }

  deinit { if !isDone { try? Files.unlink(path) } }

  public func write(_ bytes: UnsafeRawBufferPointer) throws(BerthError) {
    hash.update(bytes)
    written += Int64(bytes.count)
    do throws(Errno) { try file.write(bytes) } catch {
      throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "write content", store.root, cause: "\(error)")
    }
    early.advance(file, written: written)
  }

  public func write(_ bytes: [UInt8]) throws(BerthError) {
    var failure: BerthError?
    bytes.withUnsafeBytes { buffer in
      do throws(BerthError) { try write(buffer) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// Of what was written. Nothing may be written after it, and the ingest can't be committed any more.
  public func digest() -> Digest { hash.finish() }

  /// Verifies size and digest, then: data to stable storage, the name, the directory to stable storage.
  public func commit(digest: Digest, size: Int64) throws(BerthError) {
    try seal(digest: digest, size: size)
    do throws(Errno) {
      try sync()
      try publish()
      try Files.syncDirectory("\(store.root)/blobs/sha256")
    } catch {
      throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "write content", digest.description, cause: "\(error)")
    }
  }
}

extension Ingest {
  /// Verifies size and digest. What is sealed shows under its digest after `ContentStore.publish` alone.
  public func seal(digest: Digest, size: Int64) throws(BerthError) {
    try ContentCheck.verify(digest: hash.finish(), size: written, against: digest, size)
    early.finish(file, written: written)
    sealed = digest
  }

  fileprivate func sync() throws(Errno) { try file.sync() }

  fileprivate func publish() throws(Errno) {
    guard let sealed else { throw .invalid }
    try Files.rename(path, to: store.path(sealed))
    isDone = true
  }
}

extension ContentStore {
  /// Puts sealed blobs on stable storage, then gives them their names, and puts all blobs' names there: also of those that somebody else
  /// has published, who may have died before that. The disk has all of them to write since they were sealed, so that the first wait is most
  /// of the others', too.
  public func publish(_ ingests: [Ingest]) throws(BerthError) {
    do throws(Errno) {
      for ingest in ingests { try ingest.sync() }
      for ingest in ingests { try ingest.publish() }
      try Files.syncDirectory("\(root)/blobs/sha256")
    } catch {
      throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "write content", root, cause: "\(error)")
    }
  }

  /// As `write`, without waiting for the disk: nil if the blob is here already, else what is to be published.
  public func stage(_ bytes: [UInt8], digest: Digest) throws(BerthError) -> Ingest? {
    if contains(digest, size: Int64(bytes.count)), try read(digest, limit: bytes.count) != nil { return nil }
    let ingest = try ingest()
    try ingest.write(bytes)
    try ingest.seal(digest: digest, size: Int64(bytes.count))
    return ingest
  }
}

/// Holding what came against what was announced.
public enum ContentCheck {
  public static func verify(digest: Digest, size: Int64, against expected: Digest, _ expectedSize: Int64) throws(BerthError) {
    guard size == expectedSize else {
      let how = size < expectedSize ? "truncated" : "too long"
      throw BerthError(.dataLoss, "verify content", expected.description, cause: "\(how): expected \(expectedSize) bytes, got \(size)")
    }
    guard digest == expected else {
      throw BerthError(.dataLoss, "verify content", expected.description, cause: "digest mismatch: expected \(expected), got \(digest)")
    }
  }
}
