import BerthClient
import BerthCore
import BerthLinux
import Glibc

/// A file that gets its name only when it is whole; until then it is removed when it goes.
final class DraftFile {
  let path: String
  private let target: String?
  private let file: FD
  private var isPublished = false

  /// For what is to be `target`.
  convenience init(_ target: String) throws(BerthError) { try self.init(draft: "\(target).part-\(getpid())", target: target) }

  private init(draft: String, target: String?) throws(BerthError) {
    path = draft
    self.target = target
    do throws(Errno) { file = try Files.open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o666) } catch {
      throw BerthError(.unavailable, "write file", draft, cause: "\(error)")
    }
  }

  deinit { if !isPublished { try? Files.unlink(path) } }

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
    do throws(Errno) { try file.writeAll(bytes) } catch {
      throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "write file", path, cause: "\(error)")
    }
  }

  /// In place of what has the name.
  func publish() throws(BerthError) {
    guard let target else { return }
    do throws(Errno) { try Files.rename(path, to: target) } catch {
      throw BerthError(.unavailable, "write file", target, cause: "\(error)")
    }
    isPublished = true
  }
}
