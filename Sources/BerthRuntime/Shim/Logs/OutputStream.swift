import BerthCore
import BerthLinux

/// One of a container's output streams on its way into the log.
final class OutputStream {
  private let stream: LogBatch.Stream
  private let journal: OutputJournal
  /// nil once nobody writes any more.
  private var source: FD?

  init(_ stream: LogBatch.Stream, journal path: String) {
    self.stream = stream
    journal = OutputJournal(path: path)
  }

  /// The number of the open descriptor.
  var descriptor: Int32? { source.descriptor }

  func open(_ source: consuming FD) { self.source = consume source }
  func close() { source = nil }
  func rest() { journal.rest() }

  enum Progress {
    /// Valid until the next read.
    case read(UnsafeRawBufferPointer)
    case nothing
    /// Nobody writes any more: to be closed.
    case ended
  }

  /// One read, and one or a few writes to the log.
  func copyOnce(_ batch: inout LogBatch, to log: LogFile) -> Progress {
    guard let descriptor else { return .ended }
    let count: Int?
    do throws(Errno) { count = try journal.read(from: descriptor) } catch { return .ended }
    guard let count else { return .nothing }
    journal.admit(count, at: log.position, .now)
    if count == 0 { return .ended }
    let bytes = UnsafeRawBufferPointer(rebasing: journal.pending[(journal.pending.count - count)...])
    write(&batch, to: log)
    return .read(bytes)
  }

  /// The stream has ended: a line without a newline is a line, and nothing is left.
  func finish(_ batch: inout LogBatch, to log: LogFile) {
    if journal.pending.count > 0 {
      journal.end(at: log.position, .now)
      write(&batch, to: log)
    }
    journal.remove()
  }

  /// Writes what another process had read when it died and had not yet written, if only a part of a record.
  func recover(_ batch: inout LogBatch, to log: LogFile) {
    var written = log.growth(since: journal.recover(at: log.position, .now))
    while written > 0, let piece = LineSplitter.first(of: journal.pending, isLast: journal.isLast) {
      let size = LogBatch.recordSize(piece.count)
      if written < size {
        batch.begin(stream, journal.time)
        batch.add(piece.tag, UnsafeRawBufferPointer(rebasing: journal.pending[..<piece.count]))
        batch.drop(written)
        log.complete(batch)
        batch.clear()
      }
      journal.take(piece.taken, at: log.position)
      written -= min(written, size)
    }
    write(&batch, to: log)
  }

  /// All records that are whole.
  private func write(_ batch: inout LogBatch, to log: LogFile) {
    batch.begin(stream, journal.time)
    var taken = 0
    while let piece = LineSplitter.first(of: UnsafeRawBufferPointer(rebasing: journal.pending[taken...]), isLast: journal.isLast) {
      let isTooMuch = batch.byteCount + LogBatch.recordSize(piece.count) > log.room
      if !batch.isEmpty, batch.isFull || isTooMuch { flush(&batch, &taken, to: log) }
      batch.add(piece.tag, UnsafeRawBufferPointer(rebasing: journal.pending[taken...].prefix(piece.count)))
      taken += piece.taken
    }
    flush(&batch, &taken, to: log)
  }

  private func flush(_ batch: inout LogBatch, _ taken: inout Int, to log: LogFile) {
    if batch.isEmpty { return }
    log.append(batch) { journal.take(0, at: $0) }
    journal.take(taken, at: log.position)
    taken = 0
    batch.clear()
  }
}
