import BerthCore
import BerthLinux

/// A berth-worker from the daemon's side: started, talked to, reaped.
struct WorkerProcess {
  let path: String
  /// For errors: what is being done, to what.
  let operation: String
  let subject: String
  let hasNetwork: Bool
  private var complaint: [UInt8] = []

  init(_ path: String, operation: String, subject: String, hasNetwork: Bool = true) {
    self.path = path
    self.operation = operation
    self.subject = subject
    self.hasNetwork = hasNetwork
  }

  /// Sends what `job` makes while the worker starts, hands every message to `handle`, which may answer, and returns once that has
  /// returned true and the worker has ended well. Throws what the worker reports, what `handle` throws, `cancelled` once the descriptor
  /// `abandoned` (-1: none) is readable, and `unavailable` for a worker that dies. However this ends, there is no worker any more. The
  /// worker dies with the thread that has started it (`Confinement`): that is this one, which waits for it, so that only the end of this
  /// whole process is that thread's end.
  mutating func run(
    _ job: @autoclosure () throws(BerthError) -> JSON, abandoned: Int32 = -1,
    _ handle: (WorkerMessage, (JSON) -> Void) throws(BerthError) -> Bool
  ) throws(BerthError) {
    var result: Result<Bool, BerthError> = .success(false)
    let exit: ExitStatus
    do throws(Errno) {
      let socket = try ChildChannel.pair()
      let errors = try ChildChannel.pipe()
      let pid = try Enclosure.spawn(
        path, arguments: ["berth-worker"], descriptors: [socket.child.raw, socket.child.raw, errors.child.raw], hasNetwork: hasNetwork)
      // The worker's ends live in the worker alone from here on, so that its death is the end of both streams.
      let ours = socket.keepOurs()
      let complaints = errors.keepOurs()
      do throws(BerthError) { result = .success(try talk(try job(), ours, complaints, abandoned, handle)) } catch {
        result = .failure(error)
      }
      // Nothing it could still do is wanted: it has broken the protocol, or failed, or nobody waits.
      if case .success(true) = result {} else { Children.kill(pid) }
      exit = try Children.wait(for: pid)
    } catch { throw BerthError(.unavailable, operation, subject, cause: "berth-worker (\(path)) can't be run: \(error)") }
    guard try result.get(), exit == .exited(0) else { throw died(exit) }
  }

  private func died(_ exit: ExitStatus) -> BerthError {
    let words = String(decoding: complaint.suffix(500), as: UTF8.self).split(separator: "\n").first.map { ": \($0)" } ?? ""
    // Nobody here sends that signal to one that works.
    let hint = exit == .signaled(9) ? "; where nobody killed it, memory ran out, which the kernel's log tells" : ""
    return BerthError(.unavailable, operation, subject, cause: "berth-worker ended early with \(exit)\(words)\(hint)")
  }

  private mutating func talk(
    _ job: JSON, _ socket: borrowing FD, _ errors: borrowing FD, _ abandoned: Int32,
    _ handle: (WorkerMessage, (JSON) -> Void) throws(BerthError) -> Bool
  ) throws(BerthError) -> Bool {
    var lines = LineBuffer()
    var errorsOpen = true
    Self.send(job, to: socket)
    while true {
      let ready = try Self.wait([socket.raw, errorsOpen ? errors.raw : -1, abandoned])
      if ready[2] { throw BerthError(.cancelled, operation, subject, cause: "cancelled") }
      if ready[1] {
        let bytes = (try? errors.read(upTo: 4096)) ?? []
        if bytes.isEmpty { errorsOpen = false } else if complaint.count < 1 << 16 { complaint += bytes }
      }
      guard ready[0] else { continue }
      let bytes = (try? socket.read(upTo: 1 << 16)) ?? []
      if bytes.isEmpty {
        while errorsOpen, complaint.count < 1 << 16, let more = try? errors.read(upTo: 4096), !more.isEmpty { complaint += more }
        return false
      }
      try lines.append(bytes)
      while let line = lines.next() {
        let message = try Self.message(line)
        if case .failed(let error) = message { throw error }
        // Its answer goes out before the next message is looked at.
        var answers: [JSON] = []
        if try handle(message, { answers.append($0) }) { return true }
        for answer in answers { Self.send(answer, to: socket) }
      }
    }
  }

  private static func message(_ line: [UInt8]) throws(BerthError) -> WorkerMessage {
    let json: JSON
    do throws(JSONError) { json = try JSON(parsing: line) } catch { throw WorkerProtocol.malformed("a line is not valid JSON: \(error)") }
    return try WorkerMessage(json)
  }

  private static func wait(_ numbers: [Int32]) throws(BerthError) -> [Bool] {
    do throws(Errno) { return try ChildChannel.waitReadable(numbers) } catch {
      throw BerthError(.bug, "wait for berth-worker", cause: "\(error)")
    }
  }

  private static func send(_ message: JSON, to socket: borrowing FD) {
    // A worker that is gone is noticed by its end, which says more.
    try? ChildChannel.send(socket, message.encoded() + [10])
  }
}
