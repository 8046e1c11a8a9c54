import BerthClient
import BerthCore
import BerthLinux
import Glibc

/// A file that gets its name only when it is whole; until then it is removed when it goes.
final class DraftFile {
  let path: String
  private let target: String?
  private let file: FD
  /// Whether it is removed when it goes.
  private var isDraft = true

  /// For what is to be `target`. A symlink stays one: what it leads to is replaced. What is no file, such as a device or a pipe, is written
  /// to as it is: nobody wants a file in place of /dev/stdout.
  static func replacing(_ target: String) throws(BerthError) -> DraftFile {
    guard let status = try? Files.status(target) else { return try DraftFile(draft: draft(of: target), target: target) }
    switch status.kind {
    case .regular:
      let real: String
      do throws(Errno) { real = try Files.realPath(target) } catch { throw unwritable(target, error) }
      return try DraftFile(draft: draft(of: real), target: real)
    case .directory: throw BerthError(.invalidArgument, "write file", target, cause: "it is a directory")
    default: return try DraftFile(special: target)
    }
  }

  private static func draft(of target: String) -> String { "\(target).part-\(getpid())" }

  private static func unwritable(_ path: String, _ error: Errno) -> BerthError {
    BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "write file", path, cause: "\(error)")
  }

  private init(draft: String, target: String?) throws(BerthError) {
    path = draft
    self.target = target
    do throws(Errno) { file = try Files.open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o666) } catch {
      throw Self.unwritable(target ?? draft, error)
    }
  }

  private init(special path: String) throws(BerthError) {
    self.path = path
    target = nil
    isDraft = false
    do throws(Errno) { file = try Files.open(path, O_WRONLY) } catch { throw Self.unwritable(path, error) }
  }

  deinit { if isDraft { try? Files.unlink(path) } }

  /// All of standard input, in a file beside other temporary ones.
  static func standardInput() throws(BerthError) -> DraftFile {
    let folder = Terminal.environment("TMPDIR") ?? "/var/tmp"
    let draft = try DraftFile(draft: "\(folder)/berth-import-\(getpid())", target: nil)
    do throws(Errno) {
      let input = try Files.open("/dev/stdin", O_RDONLY)
      while true {
        let piece = try input.read(upTo: 1 << 18)
        if piece.isEmpty { break }
        try draft.file.writeAll(piece)
      }
    } catch {
      throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "read standard input", draft.path, cause: "\(error)")
    }
    return draft
  }

  func write(_ bytes: [UInt8]) throws(BerthError) {
    do throws(Errno) { try file.writeAll(bytes) } catch { throw Self.unwritable(target ?? path, error) }
  }

  /// In place of what has the name.
  func publish() throws(BerthError) {
    guard let target else { return }
    do throws(Errno) { try Files.rename(path, to: target) } catch { throw Self.unwritable(target, error) }
    isDraft = false
  }
}
