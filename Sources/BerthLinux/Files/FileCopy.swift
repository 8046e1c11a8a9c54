import CBerthSys
import Glibc

/// A file's content into another, at the least cost that the file systems allow: shared blocks (FICLONE), else a copy inside the kernel
/// (copy_file_range), else through a buffer. Holes stay holes. Both are at their beginning; `to` is empty.
public struct FileCopy: ~Copyable {
  /// What the file systems turned out not to do isn't tried again. Between two directories the answers are the same for every file.
  private var canClone = true
  private var canCopyRange = true
  private var canSeekHoles = true
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)

  public init() {}
  deinit { buffer.deallocate() }

  /// `size`: of `from` in bytes; what it has grown by meanwhile is left out.
  public mutating func copy(_ from: borrowing FD, to: borrowing FD, size: Int64) throws(Errno) {
    guard size > 0 else { return }
    if try clone(from, to) { return }
    // The end may be a hole.
    try to.truncate(to: size)
    var at: Int64 = 0
    while let range = try data(from, after: at, size: size) {
      try copy(from, to, range)
      at = range.upperBound
    }
  }

  private mutating func clone(_ from: borrowing FD, _ to: borrowing FD) throws(Errno) -> Bool {
    guard canClone else { return false }
    let (source, target) = (from.raw, to.raw)
    do throws(Errno) {
      try call { berth_clone_file(source, target) }
      return true
    } catch {
      if Self.isFull(error) { throw error }
      canClone = false
      return false
    }
  }

  /// The next part that isn't a hole; nil after the last.
  private mutating func data(_ file: borrowing FD, after at: Int64, size: Int64) throws(Errno) -> Range<Int64>? {
    guard at < size else { return nil }
    guard canSeekHoles else { return at..<size }
    let number = file.raw
    do throws(Errno) {
      let begin = Int64(try call { berth_next_data(number, off_t(at)) })
      guard begin < size else { return nil }
      let end = Int64(try call { berth_next_hole(number, off_t(begin)) })
      return begin..<min(max(end, begin + 1), size)
    } catch {
      // Nothing but a hole is left.
      if error == Errno(ENXIO) { return nil }
      canSeekHoles = false
      return at..<size
    }
  }

  private mutating func copy(_ from: borrowing FD, _ to: borrowing FD, _ range: Range<Int64>) throws(Errno) {
    var at = range.lowerBound
    let (source, target) = (from.raw, to.raw)
    while canCopyRange, at < range.upperBound {
      do throws(Errno) {
        let count = try call { berth_copy_range(source, target, off_t(at), Int(range.upperBound - at)) }
        // Some kernels report nothing copied where a file can't be copied this way.
        if count == 0 { break }
        at += Int64(count)
      } catch {
        if Self.isFull(error) { throw error }
        canCopyRange = false
      }
    }
    while at < range.upperBound {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(min(Int64(buffer.count), range.upperBound - at))])
      let count = try from.read(into: part, at: at)
      // It shrank meanwhile.
      if count == 0 { return }
      try to.write(UnsafeRawBufferPointer(rebasing: part[..<count]), at: at)
      at += Int64(count)
    }
  }

  private static func isFull(_ error: Errno) -> Bool { error == .noSpace || error == .quotaExceeded || error == .tooBig }
}
