import BerthArchive
import BerthCore
import BerthLinux
import BerthOCI
import BerthStore

/// Hashes what passes through.
final class HashingSource: LendingSource {
  private let source: any ByteSource
  private let lender: (any LendingSource)?
  /// For a source that doesn't lend.
  private let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
  private let hash = ContentHash()

  init(_ source: any ByteSource) {
    self.source = source
    lender = source as? any LendingSource
  }
  deinit { storage.deallocate() }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(BerthError) -> Int {
    let count = try source.read(into: buffer)
    hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    return count
  }

  func lend() throws(BerthError) -> UnsafeRawBufferPointer {
    let bytes: UnsafeRawBufferPointer
    if let lender {
      bytes = try lender.lend()
    } else {
      bytes = UnsafeRawBufferPointer(rebasing: storage[..<(try source.read(into: storage))])
    }
    hash.update(bytes)
    return bytes
  }

  /// Of all that was read. Nothing may be read after it.
  func finish() -> Digest { hash.finish() }
}

/// A blob as it arrives: counted and hashed against its descriptor, and written to the store on the way where it comes from
/// elsewhere. Its bytes are used before they are verified, by code that expects anything; what comes of them counts only after `finish`.
final class VerifyingSource: ByteSource {
  private let source: any ByteSource
  private let descriptor: Descriptor
  private let ingest: Ingest?
  private let progress: (Int64) -> Void
  private let hash = ContentHash()
  private var count: Int64 = 0
  private var reported: Int64 = 0
  private var reportedAt = Clock.bootNanoseconds()

  /// `progress` gets the bytes so far, now and then: of a slow source every second, so that it can be told from one that is dead.
  init(_ source: any ByteSource, _ descriptor: Descriptor, ingest: Ingest?, progress: @escaping (Int64) -> Void) {
    self.source = source
    self.descriptor = descriptor
    self.ingest = ingest
    self.progress = progress
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(BerthError) -> Int {
    let read = try source.read(into: buffer)
    count += Int64(read)
    guard count <= descriptor.size else {
      throw BerthError(.dataLoss, "verify content", descriptor.digest.description, cause: "too long: expected \(descriptor.size) bytes")
    }
    let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<read])
    if let ingest { try ingest.write(bytes) } else { hash.update(bytes) }
    let now = Clock.bootNanoseconds()
    if count - reported >= 4 << 20 || count == descriptor.size || now - reportedAt >= 1_000_000_000 {
      (reported, reportedAt) = (count, now)
      progress(count)
    }
    return read
  }

  /// Reads the rest and verifies it. What is to be published in the store then, if it came from elsewhere.
  func finish() throws(BerthError) -> Ingest? {
    try drain()
    guard let ingest else {
      try verify()
      return nil
    }
    try ingest.seal(digest: descriptor.digest, size: descriptor.size)
    return ingest
  }

  /// What has come so far against the descriptor. Nothing may be read after it.
  func verify() throws(BerthError) {
    try ContentCheck.verify(digest: ingest?.digest() ?? hash.finish(), size: count, against: descriptor.digest, descriptor.size)
  }
}
