import CBerthSys

/// Has the disk begin with a growing file's bytes while more come, so that who waits for them at the end waits for little. Nothing is
/// promised by it: what must be on stable storage needs a sync as ever, which is also who is told of errors.
public struct EarlyWriting {
  /// A request of the disk's own size or more, and seldom enough to cost next to nothing.
  public static let step: Int64 = 4 << 20

  private var begun: Int64 = 0

  public init() {}

  /// `written`: the file's length so far.
  public mutating func advance(_ file: borrowing FD, written: Int64) {
    if written - begun >= Self.step { begin(file, written) }
  }

  /// Of what is left of a file that won't grow any more.
  public mutating func finish(_ file: borrowing FD, written: Int64) { begin(file, written) }

  private mutating func begin(_ file: borrowing FD, _ written: Int64) {
    guard written > begun else { return }
    _ = berth_begin_writing(file.raw, off_t(begun), off_t(written - begun))
    begun = written
  }
}
