import Glibc

extension FD {
  /// One read(2) into memory of the caller's: the number of bytes, 0 at the end of the file.
  public borrowing func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    let number = raw
    return try call { Glibc.read(number, buffer.baseAddress, buffer.count) }
  }

  /// One pread(2) at `offset` bytes from the file's start.
  public borrowing func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Errno) -> Int {
    let number = raw
    return try call { pread(number, buffer.baseAddress, buffer.count, off_t(offset)) }
  }

  /// All of `buffer`, in as many write(2) calls as it takes.
  public borrowing func write(_ buffer: UnsafeRawBufferPointer) throws(Errno) {
    let number = raw
    var done = 0
    while done < buffer.count {
      done += try call { Glibc.write(number, buffer.baseAddress.map { $0 + done }, buffer.count - done) }
    }
  }

  /// All of `buffer`, at `offset` bytes from the file's start.
  public borrowing func write(_ buffer: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) {
    let number = raw
    var done = 0
    while done < buffer.count {
      done += try call { pwrite(number, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(offset) + done) }
    }
  }

  /// The file's length becomes `size` bytes.
  public borrowing func truncate(to size: Int64) throws(Errno) {
    let number = raw
    try call { ftruncate(number, off_t(size)) }
  }
}

extension Files {
  /// A nameless file in `directory`, gone when it is closed.
  public static func openTemporary(in directory: String) throws(Errno) -> FD {
    // O_TMPFILE, which Swift cannot import: its own bit and O_DIRECTORY.
    try open(directory, O_RDWR | 0o20000000 | O_DIRECTORY, mode: 0o600)
  }
}

/// open(2) flags of files in the content store.
public enum ContentFlags {
  /// A blob is a regular file: a symlink or a FIFO in its place is neither followed nor waited for.
  public static let read = O_RDONLY | O_NOFOLLOW | O_NONBLOCK
  public static let create = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW
  /// An archive that the operator names may be a symlink.
  public static let archive = O_RDONLY | O_NONBLOCK
  public static let directory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
}
