import BerthArchive
import BerthCore
import BerthImages
import BerthLinux
import BerthOCI

/// A blob's bytes over as many connections as it takes: where one breaks, the next goes on from the first byte that is missing. What
/// the caller hashes is the bytes as they came, so that a place which goes on with other bytes is found out by the digest.
final class ResumingSource: ByteSource {
  /// One connection's share.
  struct Part {
    var transfer: HTTPTransfer
    /// Which of the registry's places it comes from.
    var place: Int
    var retries: RegistryTimeouts
  }

  private let descriptor: Descriptor
  private var size: Int64 { descriptor.size }
  /// From an offset on. `exhausted`: a place that has broken off too often.
  private let open: (_ offset: Int64, _ exhausted: Int?) throws(BerthError) -> Part
  private var part: Part
  private var at: Int64 = 0
  /// Breaks since this place gave a megabyte in one go.
  private var breaks: Int64 = 0
  private var total = 0
  private var sinceBreak: Int64 = 0

  /// However much comes in between, there is an end to it.
  private static let totalLimit = 100

  init(_ descriptor: Descriptor, open: @escaping (_ offset: Int64, _ exhausted: Int?) throws(BerthError) -> Part) throws(BerthError) {
    self.descriptor = descriptor
    self.open = open
    part = try open(0, nil)
  }

  /// Once it has given up, it has for good: what comes next isn't what follows.
  private var end: BerthError?

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(BerthError) -> Int {
    if let end { throw end }
    do throws(BerthError) { return try readOn(into: buffer) } catch {
      end = error
      throw error
    }
  }

  private func readOn(into buffer: UnsafeMutableRawBufferPointer) throws(BerthError) -> Int {
    while true {
      // Whether the end may be a connection's instead of the blob's.
      var isCut = false
      do throws(BerthError) {
        let count = try part.transfer.read(into: buffer)
        if count == 0, at < size {
          if part.transfer.headers["content-length"] == nil { isCut = true }
          throw BerthError(
            .dataLoss, "verify content", descriptor.digest.description, cause: "truncated: expected \(size) bytes, got \(at)")
        }
        at += Int64(count)
        sinceBreak += Int64(count)
        if sinceBreak > 1 << 20 { breaks = 0 }
        return count
      } catch {
        // More bytes than there should be are the caller's to complain about.
        guard at < size, part.transfer.failure.map({ $0.kind == .broken }) ?? isCut else { throw error }
        try resume(after: error)
      }
    }
  }

  private func resume(after error: BerthError) throws(BerthError) {
    (breaks, total, sinceBreak) = (breaks + 1, total + 1, 0)
    guard total <= Self.totalLimit else { throw error }
    let isExhausted = breaks > part.retries.retries
    if isExhausted { breaks = 0 } else { Clock.pause(RetryPause.jittered(tries: breaks, first: part.retries.pause)) }
    let before = part.place
    let next = try reopen(isExhausted ? before : nil)
    if isExhausted, next.place == before { throw error }
    part = next
    try skip()
  }

  /// A registry that goes away in the middle of a blob has as long to come back as one that falls silent.
  private func reopen(_ exhausted: Int?) throws(BerthError) -> Part {
    let started = Clock.bootNanoseconds()
    var tries: Int64 = 0
    while true {
      do throws(BerthError) { return try open(at, exhausted) } catch {
        let waited = (Clock.bootNanoseconds() - started) / 1_000_000_000
        guard at > 0, error.code == .unavailable, waited < part.retries.stall else { throw error }
        tries += 1
        Clock.pause(RetryPause.jittered(tries: tries, first: part.retries.pause))
      }
    }
  }

  /// To the first byte that is missing, where the place doesn't know of ranges.
  private func skip() throws(BerthError) {
    guard at > 0 else { return }
    if part.transfer.status == 206 {
      let range = part.transfer.headers["content-range"]?.first ?? ""
      guard range.hasPrefix("bytes \(at)-") else {
        throw BerthError(
          .dataLoss, "request", Redaction.url(part.transfer.url), cause: "asked for bytes from \(at) on, it sent \(Redaction.text(range))")
      }
      return
    }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    defer { buffer.deallocate() }
    var left = at
    while left > 0 {
      // A break here shows again at the next read, which deals with it.
      guard let count = try? part.transfer.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(Int(clamping: left)))),
        count > 0
      else { return }
      left -= Int64(count)
    }
  }
}
