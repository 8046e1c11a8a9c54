import CBerthSys
import Glibc

/// Operations on paths of the node itself. Nothing below a hostile root goes through here: that is `Rooted`'s.
public enum Files {
  /// CLOEXEC is added to `flags`.
  public static func open(_ path: String, _ flags: Int32, mode: mode_t = 0o600) throws(Errno) -> FD {
    FD(owning: try call { Glibc.open(path, flags | O_CLOEXEC, mode) })
  }

  /// `path` below `directory`; CLOEXEC is added to `flags`.
  public static func open(at directory: borrowing FD, _ path: String, _ flags: Int32, mode: mode_t = 0o600) throws(Errno) -> FD {
    let number = directory.raw
    return FD(owning: try call { openat(number, path, flags | O_CLOEXEC, mode) })
  }

  public static func status(_ path: String) throws(Errno) -> FileStatus {
    var buffer = stat()
    try call { stat(path, &buffer) }
    return FileStatus(buffer)
  }

  /// Of a symlink itself, not of what it points to.
  public static func linkStatus(_ path: String) throws(Errno) -> FileStatus {
    var buffer = stat()
    try call { lstat(path, &buffer) }
    return FileStatus(buffer)
  }

  public static func exists(_ path: String) -> Bool { (try? status(path)) != nil }

  public static func read(_ path: String, limit: Int = 16 << 20) throws(Errno) -> [UInt8] {
    let file = try open(path, O_RDONLY)
    return try file.readAll(limit: limit)
  }

  /// Of a place that others can have put anything into: a pipe there would never be written to. EINVAL for what is no regular file.
  public static func readRegular(_ path: String, limit: Int) throws(Errno) -> [UInt8] {
    let file = try open(path, O_RDONLY | O_NONBLOCK)
    guard try file.status().kind == .regular else { throw .invalid }
    return try file.readAll(limit: limit)
  }

  public static func readText(_ path: String, limit: Int = 16 << 20) throws(Errno) -> String {
    String(decoding: try read(path, limit: limit), as: UTF8.self)
  }

  /// Writes to an existing kernel file (cgroup, proc): one write(2), no creation.
  public static func write(_ text: String, to path: String) throws(Errno) {
    let file = try open(path, O_WRONLY)
    try file.writeAll(text.utf8)
  }

  /// Replaces `path` as one step: a reader sees the old content or the new, never a part. With `durable`, it also survives a power
  /// cut (fsync of file and directory, about half a millisecond).
  @inlinable
  public static func writeAtomically(_ bytes: some Collection<UInt8>, to path: String, mode: mode_t = 0o600, durable: Bool = false)
    throws(Errno)
  {
    try writeAtomically(Array(bytes), to: path, mode: mode, durable: durable)
  }

  /// As above; not generic, for a shim that is to look up no generic type at run time.
  public static func writeAtomically(_ bytes: [UInt8], to path: String, mode: mode_t = 0o600, durable: Bool = false) throws(Errno) {
    try StagedFile(bytes, for: path, mode: mode, durable: durable).commit()
  }

  public static func syncDirectory(_ path: String) throws(Errno) {
    let directory = try open(path, O_RDONLY | O_DIRECTORY)
    try directory.sync()
  }

  /// Up to the last slash; `.` for a bare name.
  public static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// After the last slash.
  public static func name(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
  }

  /// Makes one directory; one that is there already is fine.
  public static func makeDirectory(_ path: String, mode: mode_t = 0o700) throws(Errno) {
    do throws(Errno) { try call { mkdir(path, mode) } } catch { if error != .exists { throw error } }
  }

  /// Makes a directory and the missing ones above it.
  public static func makeDirectories(_ path: String, mode: mode_t = 0o700) throws(Errno) {
    do throws(Errno) { try call { mkdir(path, mode) } } catch {
      if error == .exists { return }
      guard error == .notFound, parent(of: path) != path else { throw error }
      try makeDirectories(parent(of: path), mode: mode)
      try makeDirectory(path, mode: mode)
    }
  }

  public static func rename(_ from: String, to: String) throws(Errno) { try call { Glibc.rename(from, to) } }

  /// Removes a file; one that isn't there is fine.
  public static func unlink(_ path: String) throws(Errno) {
    do throws(Errno) { try call { Glibc.unlink(path) } } catch { if error != .notFound { throw error } }
  }

  /// Removes an empty directory; one that isn't there is fine.
  public static func removeDirectory(_ path: String) throws(Errno) {
    do throws(Errno) { try call { rmdir(path) } } catch { if error != .notFound { throw error } }
  }

  /// The names in a directory but `.` and `..`, sorted.
  public static func list(_ path: String) throws(Errno) -> [String] { try list(openListed(path)) }

  /// The names in an open directory but `.` and `..`, sorted.
  public static func list(_ directory: consuming FD) throws(Errno) -> [String] {
    var names: [String] = []
    try visit(directory) { name, _ in names.append(name) }
    return names.sorted()
  }

  /// As `list`, with what each is as far as the directory itself tells: `.unknown` on some file systems.
  public static func listKinds(_ path: String) throws(Errno) -> [(name: String, kind: FileStatus.Kind)] {
    var entries: [(name: String, kind: FileStatus.Kind)] = []
    try visit(openListed(path)) { entries.append(($0, $1)) }
    return entries.sorted { $0.name < $1.name }
  }

  private static func openListed(_ path: String) throws(Errno) -> FD {
    // A look is no access that has to be written down; who may not say so, because the directory is another's, looks all the same.
    do throws(Errno) { return try open(path, O_RDONLY | O_DIRECTORY | noAccessTime) } catch {
      guard error == .notPermitted else { throw error }
      return try open(path, O_RDONLY | O_DIRECTORY)
    }
  }

  /// O_NOATIME, which Swift cannot import; the same on x86 and ARM.
  private static let noAccessTime: Int32 = 0o1_000_000

  private static func visit(_ directory: consuming FD, _ body: (String, FileStatus.Kind) -> Void) throws(Errno) {
    guard let stream = fdopendir(directory.raw) else { throw Errno.current }
    _ = directory.release()
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      // The kinds of readdir(3) are those of stat(2), without their zeros.
      if name != "." && name != ".." { body(name, FileStatus.Kind(mode: mode_t(entry.pointee.d_type) << 12)) }
    }
  }

  /// Removes a tree, whoever filled it (`TreeFiles.removeTree`); a path that isn't there is fine.
  public static func removeTree(_ path: String) throws(Errno) {
    guard let name = PathBytes(name(of: path).utf8) else { throw .invalid }
    let directory: FD
    do throws(Errno) { directory = try open(parent(of: path), O_RDONLY | O_DIRECTORY) } catch {
      if error == .notFound { return }
      throw error
    }
    try TreeFiles.removeTree(directory, name)
  }

  public static func readLink(_ path: String) throws(Errno) -> String {
    var failure: Errno?
    let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, filled in
      do throws(Errno) { filled = try call { buffer.baseAddress.map { readlink(path, $0, 4096) } ?? -1 } } catch { failure = error }
    }
    if let failure { throw failure }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The absolute path with every symlink resolved.
  public static func realPath(_ path: String) throws(Errno) -> String {
    guard let resolved = realpath(path, nil) else { throw Errno.current }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

extension Files {
  /// Sets both times of an existing file to now; watchers see IN_ATTRIB.
  public static func touch(_ path: String) throws(Errno) { try call { utimensat(AT_FDCWD, path, nil, 0) } }
}

extension Files {
  /// Permission bits, whatever the umask.
  public static func setMode(_ path: String, _ mode: UInt32) throws(Errno) { try call { chmod(path, mode_t(mode)) } }
  /// Follows symlinks: for paths of our own alone.
  public static func setOwner(_ path: String, uid: UInt32, gid: UInt32) throws(Errno) { try call { chown(path, uid, gid) } }
}
