import BerthCore
import BerthLinux

/// Where a log ends.
struct LogPosition: Equatable {
  /// Of the current file.
  var inode: UInt64
  var size: Int64

  static let unknown = LogPosition(inode: 0, size: 0)
}

/// A log file that is rotated by size: PATH, then PATH.1 (the youngest before it) up to PATH.(maxFiles - 1).
///
/// What cannot be written (a full disk, a folder that is gone) is dropped and counted, and a line says so once writing works again;
/// a record is never left half-written.
final class LogFile {
  private let target: LogTarget
  private var file: FD?
  /// Of the current file, in bytes, as far as this writer wrote it.
  private var size: Int64 = 0
  private var inode: UInt64 = 0
  /// Records lost since the last that was written, and why the first of them was.
  private(set) var dropped: UInt64 = 0
  private var reason = Errno.noSpace

  /// Makes the folder and the file where they are missing; an existing file is continued.
  init(_ target: LogTarget) throws(Errno) {
    self.target = target
    try Files.makeDirectories(Files.parent(of: target.path), mode: 0o755)
    try open()
  }

  private func open() throws(Errno) {
    let opened = try AppendFile.open(target.path)
    let status = try opened.status()
    (size, inode) = (status.size, status.inode)
    file = consume opened
  }

  var position: LogPosition { LogPosition(inode: inode, size: size) }

  /// How many bytes were written since the log stood at `earlier`: none to another file than that, for where the first byte of a new file
  /// goes is always told before.
  func growth(since earlier: LogPosition) -> Int { earlier.inode == inode ? Int(clamping: max(0, size - earlier.size)) : 0 }

  /// A writer that was killed may have left a part of a record: the part becomes one, so that the next begins its own line.
  func endLastRecord() throws(Errno) {
    guard size > 0 else { return }
    if try AppendFile.lastByte(of: target.path) == UInt8(ascii: "\n") { return }
    try write { (fd) throws(Errno) in
      try fd.writeAll([UInt8(ascii: "\n")])
      return 1
    }
  }

  /// Bytes that still fit the current file.
  var room: Int { Int(clamping: max(0, Int64(clamping: target.maxSize) - size)) }

  /// Appends all records of a batch or none of them. What doesn't fit the current file goes to a new one; a single record larger than a
  /// file gets one of its own. `beginning` is told where the first of them will stand, before it is written.
  func append(_ batch: borrowing LogBatch, _ beginning: (LogPosition) -> Void = { _ in }) {
    do throws(Errno) {
      if batch.byteCount > room, size > 0 { try rotate() }
      if file == nil { try open() }
      // Together: a notice alone, where there is no room for more, would come again and again.
      let notice = dropped == 0 ? [] : lossNotice(batch.time)
      try write { fd throws(Errno) in
        if !notice.isEmpty {
          beginning(.unknown)
          try fd.writeAll(notice)
        }
        beginning(LogPosition(inode: inode, size: size + Int64(notice.count)))
        return try batch.write(to: fd) + notice.count
      }
      dropped = 0
    } catch { drop(batch, error) }
  }

  /// Appends the rest of a record whose first part is the file's end.
  func complete(_ batch: borrowing LogBatch) {
    do throws(Errno) { try write { fd throws(Errno) in try batch.write(to: fd) } } catch { drop(batch, error) }
  }

  private func drop(_ batch: borrowing LogBatch, _ error: Errno) {
    if dropped == 0 { reason = error }
    dropped += UInt64(batch.recordCount)
  }

  private func lossNotice(_ time: LogClock) -> [UInt8] {
    Array("\(time.text) stderr F berth-shim: \(dropped) lines dropped: \(reason)\n".utf8)
  }

  /// Calls `body`, which writes and counts; takes back what a failure left behind.
  private func write(_ body: (borrowing FD) throws(Errno) -> Int) throws(Errno) {
    guard let open = file.take() else { throw .notFound }
    do throws(Errno) {
      size += Int64(try body(open))
      file = consume open
    } catch {
      if let status = try? open.status(), status.size > size { AppendFile.truncate(open, to: size) }
      file = consume open
      throw error
    }
  }

  /// The current file becomes the youngest old one. All steps can be repeated: a failure in between loses no record.
  private func rotate() throws(Errno) {
    let oldest = Int(min(max(target.maxFiles, 1), 1000)) - 1
    if oldest == 0 { try Files.unlink(target.path) }
    if oldest > 1 {
      for number in (1..<oldest).reversed() { try move("\(target.path).\(number)", to: "\(target.path).\(number + 1)") }
    }
    if oldest > 0 { try move(target.path, to: "\(target.path).1") }
    file = nil
    try open()
  }

  private func move(_ from: String, to: String) throws(Errno) {
    do throws(Errno) { try Files.rename(from, to: to) } catch { if error != .notFound { throw error } }
  }
}
