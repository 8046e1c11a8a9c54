import BerthCore
import BerthLinux

/// A copy between a container's files and a tar stream, done by a berth-worker. Its calls block; used by one task at a time.
///
/// The worker gets the container's root as a descriptor and no way to any other file.
public final class ContainerCopy: @unchecked Sendable {
  // Checked by hand: nothing in it is locked; NodeAPI+Files has each copy's calls made one after the other by one task.
  public enum Direction: Sendable, Hashable {
    /// The stream is read: of a symlink at the path's end itself, or of what it points to.
    case out(follow: Bool)
    /// The stream is written; `preserve`: with the archive's owners.
    case into(preserve: Bool)
  }

  /// At a time, of all pods.
  private static let most: UInt64 = 16
  private static let open = SharedCount()

  private let direction: Direction
  private let path: String
  private let worker: String
  private let subject: String
  /// Until the worker has it.
  private var root: FD?
  /// nil before it has started.
  private var pid: Int32?
  private var errors: FD?
  private var stream: FD?
  private var isCounted = false

  /// `root`: of the container, an O_PATH descriptor. `path`: in it.
  init(_ direction: Direction, root: consuming FD, path: String, worker: String, subject: String) throws(BerthError) {
    guard !path.isEmpty, path.utf8.count < 4096, !path.utf8.contains(0) else {
      throw BerthError(.invalidArgument, "copy files", subject, cause: "expected a path of at most 4095 bytes")
    }
    self.direction = direction
    self.path = path
    self.worker = worker
    self.subject = subject
    self.root = consume root
  }

  /// Starts the worker, which dies with the calling thread: to be called on one that lasts, once.
  public func start() throws(BerthError) {
    guard let root = root.take() else { return }
    guard Self.open.enter(below: Self.most) else {
      throw BerthError(.resourceExhausted, "copy files", subject, cause: "\(Self.most) copies are under way; try again once one is done")
    }
    isCounted = true
    do throws(Errno) { try spawn(root) } catch {
      throw BerthError(.unavailable, "copy files", subject, cause: "berth-worker can't be started: \(error)")
    }
  }

  private func spawn(_ root: borrowing FD) throws(Errno) {
    let data = try ChildChannel.pipe()
    let said = try ChildChannel.pipe()
    var arguments = ["berth-worker"]
    var streams: Spawn.Descriptors
    var isOut = true
    switch direction {
    case .out(let follow):
      arguments += ["copy-out", path] + (follow ? ["follow"] : [])
      streams = [(0, root.raw), (1, data.child.raw)]
    case .into(let preserve):
      isOut = false
      arguments += ["copy-in", path] + (preserve ? ["preserve"] : [])
      // Of a pipe the end called the child's is the one that is written to.
      streams = [(0, data.ours.raw), (1, root.raw)]
    }
    streams.append((2, said.child.raw))
    pid = try Spawn.start(worker, arguments: arguments, descriptors: streams)
    errors = said.keepOurs()
    let ends = data.release()
    stream = FD(owning: isOut ? ends.ours : ends.child)
    // The worker has it by now.
    _ = FD(owning: isOut ? ends.child : ends.ours)
  }

  deinit { cancel() }

  /// The next piece of the archive; nil at its end. Throws what the worker gave up for.
  public func read() throws(BerthError) -> [UInt8]? {
    guard let number = stream.descriptor else { return nil }
    do throws(Errno) {
      let bytes = try Descriptors.read(number, upTo: 64 << 10)
      if !bytes.isEmpty { return bytes }
    } catch { throw BerthError(.unavailable, "copy files", subject, cause: "\(error)") }
    try finish()
    return nil
  }

  /// A worker that takes no more is no error here: `finish` tells why. Returns whether it goes on.
  public func write(_ bytes: [UInt8]) -> Bool {
    guard let open = stream.take() else { return false }
    do throws(Errno) { try open.writeAll(bytes) } catch { return false }
    stream = consume open
    return true
  }

  /// Closes the stream and waits for the worker. Throws what it gave up for.
  public func finish() throws(BerthError) {
    stream = nil
    guard let errors = errors.take() else { return }
    let said = (try? errors.readAll(limit: 64 << 10)) ?? []
    let end = reap()
    if end == .exited(0) { return }
    if let json = try? JSON(parsing: said), let code = json["code"]?.string.flatMap({ ErrorCode(rawValue: $0) }) {
      throw BerthError(code, json["operation"]?.string ?? "copy files", json["subject"]?.string ?? "", cause: json["cause"]?.string ?? "")
    }
    throw BerthError(.unavailable, "copy files", subject, cause: "berth-worker ended with \(end.map { "\($0)" } ?? "an unknown code")")
  }

  /// What was begun is left unfinished: files that were whole stay.
  public func cancel() {
    stream = nil
    if let pid { Children.kill(pid) }
    _ = reap()
  }

  private func reap() -> ExitStatus? {
    let exit = pid.flatMap { try? Children.wait(for: $0) }
    pid = nil
    if isCounted { Self.open.leave() }
    isCounted = false
    return exit
  }
}
