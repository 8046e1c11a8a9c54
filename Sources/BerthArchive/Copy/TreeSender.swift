import BerthCore
import BerthLinux

/// Writes files and directories as a tar stream, from a tree that others may change meanwhile: nothing that takes an entry's place
/// while it is copied is followed or opened. Sockets, FIFOs, devices and the kernel's own file systems are left out, and so is what is
/// gone when its turn comes. Hard links become files of their own.
public final class TreeSender {
  private let tar: TarWriter
  /// Deeper directories are an error.
  private static let depth = 256
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)

  public init(_ sink: any ByteSink) { tar = TarWriter(sink) }
  deinit { buffer.deallocate() }

  /// `object`: held by `OpenPath`; `name`: what it is called in the archive, `.` for a directory whose content alone is asked for.
  public func send(_ object: borrowing FD, as name: [UInt8]) throws(BerthError) {
    do throws(CopyFailure) { try send(object, name, depth: 0) } catch { throw error.wrapped(name) }
  }

  public func finish() throws(BerthError) { try tar.finish() }

  private func send(_ object: borrowing FD, _ name: [UInt8], depth: Int) throws(CopyFailure) {
    let status = try copying { () throws(Errno) in try object.status() }
    switch status.kind {
    case .regular: try sendFile(object, status, name)
    case .directory: try sendDirectory(object, status, name, depth: depth)
    case .symlink:
      let target = try copying { () throws(Errno) in try OpenPath.target(of: object) }
      try begin(Self.entry(name, .symlink(target: Array(target.bytes)), status))
    default:
      if depth == 0 { throw .refused("it is neither a file nor a directory nor a symlink") }
    }
  }

  private static func entry(_ name: [UInt8], _ kind: TarEntry.Kind, _ status: FileStatus) -> TarEntry {
    let (seconds, rest) = status.modifiedNanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    return TarEntry(
      name: name, kind: kind, mode: status.permissions, uid: status.uid, gid: status.gid, size: kind == .file ? status.size : 0,
      modified: TreeFiles.Time(seconds: seconds, nanoseconds: max(0, rest)))
  }

  private func begin(_ entry: TarEntry) throws(CopyFailure) {
    guard entry.name.count <= TarLimits.nameBytes else { throw .refused("its path has more than \(TarLimits.nameBytes) bytes") }
    do throws(BerthError) { try tar.begin(entry) } catch { throw .stream(error) }
  }

  /// Exactly as many bytes as the header says: of a file that grows meanwhile no more, one that shrinks is filled up with zeros.
  private func sendFile(_ object: borrowing FD, _ status: FileStatus, _ name: [UInt8]) throws(CopyFailure) {
    let file = try copying { () throws(Errno) in try OpenPath.reader(of: object) }
    try begin(Self.entry(name, .file, status))
    var left = status.size
    var hasEnded = false
    while left > 0 {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(min(Int64(buffer.count), left))])
      var count = part.count
      if !hasEnded {
        do throws(Errno) { count = try file.read(into: part) } catch { throw .system(error) }
        if count == 0 { (hasEnded, count) = (true, part.count) }
      }
      if hasEnded { part.initializeMemory(as: UInt8.self, repeating: 0) }
      do throws(BerthError) { try tar.write(UnsafeRawBufferPointer(rebasing: part[..<count])) } catch { throw .stream(error) }
      left -= Int64(count)
    }
  }

  private func sendDirectory(_ object: borrowing FD, _ status: FileStatus, _ name: [UInt8], depth: Int) throws(CopyFailure) {
    if try copying({ () throws(Errno) in try OpenPath.isOfKernel(object) }) {
      guard depth == 0 else { return }
      throw .refused("it is a file system of the kernel's, which has no files to copy")
    }
    let directory = try copying { () throws(Errno) in try OpenPath.reader(of: object) }
    let names = try copying { () throws(Errno) in try TreeFiles.list(directory) }
    guard depth < Self.depth else { throw .refused("it lies more than \(Self.depth) directories deep") }
    try begin(Self.entry(name + [UInt8(ascii: "/")], .directory, status))
    for child in names {
      let path = name + [UInt8(ascii: "/")] + child.bytes
      do throws(CopyFailure) {
        let entry = try copying { () throws(Errno) in try OpenPath.entry(directory, child) }
        try send(entry, path, depth: depth + 1)
      } catch {
        if case .system(.notFound) = error { continue }
        throw error.at(path)
      }
    }
  }
}

/// The system's failure as one of the copy's.
func copying<Result: ~Copyable>(_ body: () throws(Errno) -> Result) throws(CopyFailure) -> Result {
  do throws(Errno) { return try body() } catch { throw .system(error) }
}

/// Why a file can't be copied; wrapped once, with its name.
enum CopyFailure: Error {
  case system(Errno)
  case refused(String)
  /// Of a file further down.
  case below(BerthError)
  /// Of the archive itself, which says enough.
  case stream(BerthError)

  func at(_ name: [UInt8]) -> CopyFailure {
    switch self {
    case .below, .stream: self
    case .system, .refused: .below(wrapped(name))
    }
  }

  func wrapped(_ name: [UInt8]) -> BerthError {
    let shown = PathBytes(name)?.description ?? "(a name with NUL)"
    switch self {
    case .stream(let error), .below(let error): return error
    case .refused(let cause): return BerthError(.invalidArgument, "copy file", shown, cause: cause)
    case .system(let error):
      let code: ErrorCode =
        switch error {
        case .notFound: .notFound
        case .noSpace, .quotaExceeded: .resourceExhausted
        case .notPermitted, .accessDenied: .permissionDenied
        default: .unavailable
        }
      let hint = error == .busy ? " (a file or directory is mounted there, and can't be replaced)" : ""
      return BerthError(code, "copy file", shown, cause: "\(error)\(hint)")
    }
  }
}
