import BerthArchive
import BerthCore
import BerthLinux
import Glibc

/// Copies between a container's files and a tar stream: `berth-worker copy-out PATH [follow]`, `berth-worker copy-in PATH [preserve]`.
/// The container's root is standard input of the one and standard output of the other, the stream is what is left of the two. Why it
/// failed goes to standard error, as JSON.
///
/// What is in the container is not trusted: the kernel resolves the path inside the root, and what happens to the tree meanwhile leads
/// nowhere else.
enum CopyJob {
  /// Modes and owners of others' files, and files that nobody else may read.
  private static let capabilities: [Confinement.Capability] = [.chown, .dacOverride, .fowner, .fsetid]

  static func run(_ arguments: [String]) -> Int32 {
    do throws(BerthError) {
      guard arguments.count >= 2 else { throw BerthError(.invalidArgument, "copy files", cause: "expected copy-out PATH or copy-in PATH") }
      do throws(Errno) { try Confinement.apply(keeping: capabilities, parent: Confinement.parent) } catch {
        throw BerthError(.bug, "confine berth-worker", cause: "\(error)")
      }
      signal(SIGPIPE, SIG_IGN)
      let (path, hasFlag) = (arguments[1], arguments.count > 2)
      switch arguments[0] {
      case "copy-out": try copyOut(path, root: FD(owning: 0), to: FD(owning: 1), follow: hasFlag)
      default: try copyIn(path, root: FD(owning: 1), from: FD(owning: 0), preserve: hasFlag)
      }
      return 0
    } catch {
      let json: JSON = [
        "code": .string(error.code.rawValue), "operation": .string(error.operation), "subject": .string(error.subject),
        "cause": .string(error.cause),
      ]
      _ = try? FD(owning: 2).writeAll(json.encoded())
      return 1
    }
  }

  private static func copyOut(_ path: String, root: consuming FD, to stream: consuming FD, follow: Bool) throws(BerthError) {
    let place = CopyPath(path)
    let object: FD
    do throws(Errno) {
      let flags = FileFlags.path | (follow || place.isDirectory ? 0 : O_NOFOLLOW)
      object = try Rooted.open(root, place.text, flags)
    } catch { throw failure(path, error) }
    let sender = TreeSender(FileSink(consume stream))
    try sender.send(object, as: Array(place.name.utf8))
    try sender.finish()
  }

  private static func copyIn(_ path: String, root: consuming FD, from stream: consuming FD, preserve: Bool) throws(BerthError) {
    let place = CopyPath(path)
    var options = TreeReceiver.Options()
    options.preserves = preserve
    let directory = try destination(place, in: root, &options)
    let source = StreamSource(consume stream)
    try TreeReceiver(root: directory, options).receive(TarReader(source))
    // What fills up the last block.
    try source.drain()
  }

  /// The directory that things are put into; where it isn't there, the one above it, and what they are to be called.
  private static func destination(
    _ place: CopyPath, in root: borrowing FD, _ options: inout TreeReceiver.Options
  ) throws(BerthError) -> FD {
    do throws(Errno) { return try Rooted.open(root, place.text, FileFlags.path | FileFlags.directory) } catch {
      guard error == .notFound || error == .notDirectory, !place.isDirectory else { throw failure(place.text, error) }
    }
    options.name = PathBytes(Array(place.name.utf8))
    do throws(Errno) { return try Rooted.open(root, place.parent, FileFlags.path | FileFlags.directory) } catch {
      throw failure(place.parent, error)
    }
  }

  private static func failure(_ path: String, _ error: Errno) -> BerthError {
    let code: ErrorCode = error == .notFound ? .notFound : error == .notPermitted ? .permissionDenied : .invalidArgument
    return BerthError(code, "copy files", path, cause: "\(error), in the container")
  }
}
