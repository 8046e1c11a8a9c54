import BerthLinux

/// Turns one output stream of a container into log records: a record per line, lines longer than `maxChunk` in several.
///
/// Holds memory only for a line whose end hasn't come yet, at most `maxChunk`.
struct LineSplitter: ~Copyable {
  /// In bytes of content.
  static let maxChunk = 16 << 10
  private static let firstCapacity = 256

  private let stream: LogBatch.Stream
  /// The start of a line, `keptCount` bytes of it used; nil if there is none.
  private var kept: UnsafeMutableRawBufferPointer?
  private var keptCount = 0

  init(_ stream: LogBatch.Stream) { self.stream = stream }

  deinit { kept?.deallocate() }

  /// Writes the records that `bytes` complete and keeps the rest.
  mutating func consume(_ bytes: UnsafeRawBufferPointer, _ batch: inout LogBatch, to file: LogFile) {
    batch.begin(stream)
    var rest = bytes
    while rest.count > 0 {
      let wanted = Self.maxChunk - keptCount
      // One byte more: the newline after a chunk that is exactly full ends the line.
      if let newline = rest.firstByte(UInt8(ascii: "\n"), within: wanted + 1) {
        emit(.full, UnsafeRawBufferPointer(rebasing: rest[..<newline]), &batch, to: file)
        rest = UnsafeRawBufferPointer(rebasing: rest[(newline + 1)...])
      } else if rest.count > wanted {
        emit(.partial, UnsafeRawBufferPointer(rebasing: rest[..<wanted]), &batch, to: file)
        rest = UnsafeRawBufferPointer(rebasing: rest[wanted...])
      } else {
        break
      }
    }
    flush(&batch, to: file)
    if rest.count > 0 { keep(rest) }
  }

  /// The stream has ended: a line without a newline is a line.
  mutating func finish(_ batch: inout LogBatch, to file: LogFile) {
    guard keptCount > 0 else { return }
    batch.begin(stream)
    emit(.full, UnsafeRawBufferPointer(start: nil, count: 0), &batch, to: file)
    flush(&batch, to: file)
  }

  private mutating func emit(_ tag: LogBatch.Tag, _ tail: UnsafeRawBufferPointer, _ batch: inout LogBatch, to file: LogFile) {
    let size = LogBatch.recordSize(keptCount + tail.count)
    if !batch.isEmpty, batch.isFull || batch.byteCount + size > file.room { flush(&batch, to: file) }
    let head = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(kept ?? .init(start: nil, count: 0))[..<keptCount])
    batch.add(tag, head: head, tail: tail)
    if keptCount > 0 {
      flush(&batch, to: file)
      kept?.deallocate()
      kept = nil
      keptCount = 0
    }
  }

  private func flush(_ batch: inout LogBatch, to file: LogFile) {
    if batch.isEmpty { return }
    file.append(batch)
    batch.clear()
  }

  private mutating func keep(_ bytes: UnsafeRawBufferPointer) {
    let needed = keptCount + bytes.count
    if needed > kept?.count ?? 0 {
      var capacity = max(Self.firstCapacity, kept?.count ?? 0)
      while capacity < needed { capacity *= 2 }
      let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 1)
      if let kept {
        UnsafeMutableRawBufferPointer(rebasing: larger[..<keptCount]).copyMemory(from: UnsafeRawBufferPointer(rebasing: kept[..<keptCount]))
        kept.deallocate()
      }
      kept = larger
    }
    guard let kept else { return }
    UnsafeMutableRawBufferPointer(rebasing: kept[keptCount..<needed]).copyMemory(from: bytes)
    keptCount = needed
  }
}
