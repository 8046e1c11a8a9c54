import BerthArchive
import BerthCore
import BerthLinux
import BerthStore

/// What a scrub found.
public struct ScrubOutcome: Sendable, Hashable {
  public var blobs = 0
  /// In bytes.
  public var size: Int64 = 0
  /// Blobs whose content wasn't theirs any more. They are gone: whoever needs them fetches them again.
  public var damaged: [Digest] = []
}

extension ImageService {
  /// Reads every blob and holds it against its digest; what disks do to bytes over the years shows here first. Unpacked layers, which is
  /// what containers run on, aren't read. Pulls and containers go on meanwhile.
  public func scrub() throws(BerthError) -> ScrubOutcome {
    var outcome = ScrubOutcome()
    for digest in try content.blobs().sorted() {
      // One that a prune was faster with is none.
      guard let file = try content.open(digest) else { continue }
      let source = FileSource(file)
      let hash = ContentHash()
      let sink = HashSink(hash)
      try sink.copy(from: source)
      outcome.blobs += 1
      outcome.size &+= sink.count
      guard hash.finish() != digest else { continue }
      try content.remove(digest)
      outcome.damaged.append(digest)
    }
    if !outcome.damaged.isEmpty {
      // Whether an image is whole is asked anew.
      layers.with { $0.cache = [:] }
      try forgetBundles()
    }
    return outcome
  }
}

private final class HashSink: ByteSink {
  private let hash: ContentHash
  private(set) var count: Int64 = 0
  init(_ hash: ContentHash) { self.hash = hash }

  func write(_ bytes: UnsafeRawBufferPointer) throws(BerthError) {
    hash.update(bytes)
    count += Int64(bytes.count)
  }
}
