import BerthCore
import BerthLinux

/// Records that go to a log file in one writev(2), without copying what the container wrote: a record is a piece of the stream's journal
/// between a prefix shared by all records of the batch and a newline.
struct LogBatch: ~Copyable {
  enum Stream: UInt8, Sendable { case stdout, stderr }
  /// CRI's tags: whether a record ends a line or is a part of one.
  enum Tag { case full, partial }

  private static let capacity = 256
  /// `TIME stdout F `
  private static let prefixSize = LogClock.width + 10

  private(set) var time = LogClock()
  private(set) var byteCount = 0
  private(set) var recordCount = 0
  private var vectors: WriteVectors
  /// The prefix of full records, that of partial ones, and a newline.
  private let fixed: UnsafeMutableRawBufferPointer

  init() {
    vectors = WriteVectors(capacity: Self.capacity)
    fixed = .allocate(byteCount: Self.prefixSize * 2 + 1, alignment: 1)
    fixed[Self.prefixSize * 2] = UInt8(ascii: "\n")
  }

  deinit { fixed.deallocate() }

  /// For all records that follow. The batch must be empty.
  mutating func begin(_ stream: Stream, _ now: Timestamp) {
    time.update(now)
    for at in 0..<LogClock.width {
      fixed[at] = time.stamp[at]
      fixed[Self.prefixSize + at] = time.stamp[at]
    }
    put(stream == .stdout ? " stdout F " : " stderr F ", at: LogClock.width)
    put(stream == .stdout ? " stdout P " : " stderr P ", at: Self.prefixSize + LogClock.width)
  }

  private func put(_ text: StaticString, at offset: Int) {
    text.withUTF8Buffer { UnsafeMutableRawBufferPointer(rebasing: fixed[offset...]).copyMemory(from: UnsafeRawBufferPointer($0)) }
  }

  /// In bytes, of a record with `count` bytes of content.
  static func recordSize(_ count: Int) -> Int { prefixSize + count + 1 }

  var isEmpty: Bool { recordCount == 0 }
  /// Whether no more records fit: one takes up to three pieces.
  var isFull: Bool { vectors.count + 3 > Self.capacity }

  /// Adds a record of `content`, which must stay where it is until the batch is written.
  mutating func add(_ tag: Tag, _ content: UnsafeRawBufferPointer) {
    let start = tag == .full ? 0 : Self.prefixSize
    vectors.add(UnsafeRawBufferPointer(rebasing: fixed[start..<start + Self.prefixSize]))
    vectors.add(content)
    vectors.add(UnsafeRawBufferPointer(rebasing: fixed[(Self.prefixSize * 2)...]))
    byteCount += Self.recordSize(content.count)
    recordCount += 1
  }

  /// The first `count` bytes are in the file already.
  mutating func drop(_ count: Int) {
    vectors.drop(count)
    byteCount -= count
  }

  /// All or an error; a part may be in the file then. Returns the number of bytes.
  borrowing func write(to fd: borrowing FD) throws(Errno) -> Int {
    try vectors.writeAll(to: fd)
    return byteCount
  }

  mutating func clear() {
    vectors.clear()
    byteCount = 0
    recordCount = 0
  }
}
