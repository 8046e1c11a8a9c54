import Glibc

/// What a file is to be, written beside it: in the file's place once `commit` has returned, gone where that is never called.
public struct StagedFile: ~Copyable {
  private let path: String
  private let temporary: String
  private let isDurable: Bool
  private var isCommitted: Bool

  /// `durable`: what a power failure leaves is the old file or all of the new one.
  public init(_ bytes: [UInt8], for path: String, mode: mode_t = 0o600, durable: Bool = false) throws(Errno) {
    self.path = path
    temporary = "\(path).tmp-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    isDurable = durable
    let file = try Files.open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
    do throws(Errno) {
      try file.writeAll(bytes)
      if durable { try file.sync() }
    } catch {
      unlink(temporary)
      throw error
    }
    isCommitted = false
  }

  public consuming func commit() throws(Errno) {
    try call { rename(temporary, path) }
    isCommitted = true
    if isDurable { try Files.syncDirectory(Files.parent(of: path)) }
  }

  deinit { if !isCommitted { unlink(temporary) } }
}
