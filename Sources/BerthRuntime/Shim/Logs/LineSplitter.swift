import BerthLinux

/// Where an output stream of a container falls into log records: one for each line, several for a line longer than `maxChunk`.
enum LineSplitter {
  /// In bytes of content.
  static let maxChunk = 16 << 10

  struct Piece: Equatable {
    var tag: LogBatch.Tag
    /// Of content.
    var count: Int
    /// What it takes of the stream: a line's newline is no content.
    var taken: Int
  }

  /// The first record of `bytes`, a function of them alone; nil where its end hasn't come yet, so that at most `maxChunk` bytes ever wait.
  /// `isLast`: nothing comes after them, and a line without a newline is a line.
  static func first(of bytes: UnsafeRawBufferPointer, isLast: Bool) -> Piece? {
    // One byte more: the newline after a chunk that is exactly full ends the line.
    if let newline = bytes.firstByte(UInt8(ascii: "\n"), within: maxChunk + 1) {
      return Piece(tag: .full, count: newline, taken: newline + 1)
    }
    if bytes.count > maxChunk { return Piece(tag: .partial, count: maxChunk, taken: maxChunk) }
    return isLast && bytes.count > 0 ? Piece(tag: .full, count: bytes.count, taken: bytes.count) : nil
  }
}
