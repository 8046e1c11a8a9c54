import BerthCore
import BerthLinux

/// Sessions: a client asks the daemon, the daemon asks the shim, and from then on client and shim are alone with each other.
extension ShimServer {
  /// More at once are refused.
  private static let maxSessions = 256

  /// Returns the name of the one-time socket.
  func openSession(
    of container: SupervisedContainer, timeoutMilliseconds: UInt64, _ request: [UInt8]
  ) throws(BerthError) -> String {
    let (timeout, overflow) = Int64(clamping: timeoutMilliseconds).multipliedReportingOverflow(by: 1_000_000)
    return try open(container, .exec(request), timeout: timeoutMilliseconds == 0 || overflow ? nil : timeout)
  }

  /// As `openSession`, for the container's own streams.
  func openAttachment(to container: SupervisedContainer) throws(BerthError) -> String { try open(container, .attach, timeout: nil) }

  private func open(_ container: SupervisedContainer, _ purpose: ShimSession.Purpose, timeout: Int64?) throws(BerthError) -> String {
    guard container.initRecord != nil else {
      throw BerthError(.failedPrecondition, "open session", container.name, cause: "the container doesn't run")
    }
    return try open(container.name, purpose, timeout: timeout)
  }

  /// For the pod as a whole where `container` is empty.
  func open(_ container: String, _ purpose: ShimSession.Purpose, timeout: Int64?) throws(BerthError) -> String {
    guard isInPod else { throw BerthError(.failedPrecondition, "open session", container, cause: "nothing of the pod runs any more") }
    guard sessions.count < Self.maxSessions else {
      throw BerthError(.resourceExhausted, "open session", container, cause: "a pod has at most \(Self.maxSessions) sessions")
    }
    do throws(Errno) {
      let index = nextIndex()
      let name = "session.\(index).\(UInt32.random(in: 0 ... .max))"
      let session = ShimSession(
        index: index, container: container, purpose: purpose, timeout: timeout, socketName: name,
        listener: try PacketConnection.listen(in: folder.path, name: name, backlog: 1))
      if let listener = session.listener.descriptor { try epoll.add(listener, .input, token: Self.token(.sessionListener, index)) }
      sessions.append(session)
      armTimer()
      return name
    } catch { throw error.wrapped("open session", container) }
  }

  func session(_ index: UInt32) -> ShimSession? { sessions.first { $0.index == index } }

  /// The first to connect gets the session; the socket is gone then.
  func acceptSession(_ index: UInt32) {
    guard let session = session(index), let listener = session.listener.take() else { return }
    epoll.remove(listener.raw)
    try? Files.unlink("\(folder.path)/\(session.socketName)")
    guard let socket = try? PacketConnection.accept(listener), let peer = try? PacketConnection.peer(of: socket),
      peer.uid == 0 || peer.uid == ProcessControl.effectiveUser,
      (try? epoll.add(socket.raw, .input, token: Self.token(.sessionClient, index))) != nil
    else { return end(session) }
    session.client = consume socket
  }

  /// The client has said something, or has gone.
  func serveSession(_ index: UInt32) {
    guard let session = session(index), let client = session.client.take() else { return }
    var passed = PassedDescriptors()
    let received = try? PacketConnection.receive(
      into: UnsafeMutableRawBufferPointer(rebasing: scratch.bytes[..<SessionMessage.maxPacket]), from: client, passed: &passed)
    markScratchUsed()
    guard case .message(let count) = received else {
      if case .nothing = received {
        session.client = consume client
      } else {
        epoll.remove(client.raw)
        // Its process lives on, without a terminal or with streams that nobody reads: as after a lost connection.
        if !session.hasBegun { end(session) }
      }
      return
    }
    let message = (try? SessionMessage(packet: [UInt8](scratch.bytes[..<count]))) ?? nil
    session.client = consume client
    perform(message, session, &passed)
  }

  private func perform(_ message: SessionMessage?, _ session: ShimSession, _ passed: inout PassedDescriptors) {
    switch message {
    case .begin where !session.hasBegun && !session.isAttached:
      do throws(BerthError) {
        switch session.purpose {
        case .exec(let request): try begin(session, request, &passed)
        case .attach: try attach(session, &passed)
        case .connect(let port, let isSix): try connect(session, to: port, isSix: isSix)
        }
      } catch {
        session.tell(.failed(error))
        end(session)
      }
    case .signal(let number):
      if let pid = session.pid, (1...64).contains(number) { try? ProcessControl.signal(pid, number) }
    case .detach: keepTerminal(session, passed.takeFirst())
    default: session.tell(.failed(BerthError(.unsupported, "exec in container", session.container, cause: "the message is not known here")))
    }
  }

  private func begin(_ session: ShimSession, _ encoded: [UInt8], _ passed: inout PassedDescriptors) throws(BerthError) {
    guard let container = containers.first(where: { $0.name == session.container }), let pid = container.initRecord?.process.pid else {
      throw BerthError(.failedPrecondition, "exec in container", session.container, cause: "the container doesn't run")
    }
    let stdin = passed.takeFirst()
    let stdout = passed.takeSecond()
    let stderr = passed.takeThird()
    let streams = [stdin.descriptor ?? -1, stdout.descriptor ?? -1, stderr.descriptor ?? -1]
    let member = try wrap(session) { () throws(Errno) in try container.openProcess(pid) }
    let (ours, theirs) = try wrap(session) { () throws(Errno) in try DescriptorSocket.Pair().release() }
    session.console = FD(owning: ours)
    let console = FD(owning: theirs)
    let (memberNumber, consoleNumber) = (member.raw, console.raw)
    let launch = try ContainerLauncher.begin(id: session.container) { () throws(BerthError) in
      let request = try ExecRequest(parsing: encoded)
      return try PreparedLaunch(
        request, member: memberNumber, pid: pid, streams: streams, console: request.terminal == nil ? nil : consoleNumber)
    }
    let result = launch.resultFD
    session.launch = consume launch
    session.deadline = session.timeout.map { .now.after(nanoseconds: $0) } ?? BootTime(nanoseconds: .max)
    armTimer()
    do throws(BerthError) {
      try wrap(session) { () throws(Errno) in try epoll.add(result, .input, token: Self.token(.sessionLaunch, session.index)) }
    } catch {
      // The kernel has no memory for a watch. What was launched is ended at once rather than left to itself.
      if let launch = session.launch.take() { try? ProcessControl.signal(try launch.finish().pid, 9) }
      throw error
    }
  }

  private func wrap<Value: ~Copyable>(_ session: ShimSession, _ body: () throws(Errno) -> Value) throws(BerthError) -> Value {
    do throws(Errno) { return try body() } catch { throw error.wrapped("exec in container", session.container) }
  }

  /// The launcher has something to say.
  func finishSessionLaunch(_ index: UInt32) {
    guard let session = session(index), let launch = session.launch.take() else { return }
    epoll.remove(launch.resultFD)
    do throws(BerthError) {
      let process = try launch.finish()
      session.pid = process.pid
      let terminal = session.takeTerminal()
      session.tell(.running(pid: process.pid), passing: terminal.descriptor)
    } catch {
      session.tell(.failed(session.isOverdue ? overdue(session) : error))
      end(session)
    }
    // Nothing was reaped while the launch went on.
    reap()
    hasWorked = true
  }

  /// A process of a session has ended.
  func sessionEnded(_ session: ShimSession, _ ended: ExitStatus) {
    session.pid = nil
    session.tell(session.isOverdue ? .failed(overdue(session)) : .ended(exitCode: ended.code, signal: ended.signal))
    end(session)
  }

  private func overdue(_ session: ShimSession) -> BerthError {
    let cause = "the command took longer than \((session.timeout ?? 0) / 1_000_000) ms"
    return BerthError(.deadlineExceeded, "exec in container", session.container, cause: cause)
  }

  /// What has waited or run too long is given up.
  func expireSessions() {
    let now = BootTime.now
    for session in sessions where session.deadline <= now {
      guard session.hasBegun else {
        end(session)
        continue
      }
      session.isOverdue = true
      session.deadline = BootTime(nanoseconds: .max)
      session.kill()
    }
  }

  private func keepTerminal(_ session: ShimSession, _ terminal: consuming FD?) {
    guard let terminal else { return }
    try? terminal.setNonBlocking()
    try? epoll.add(terminal.raw, .input, token: Self.token(.sessionTerminal, session.index))
    session.terminal = consume terminal
  }

  /// What the process of a client that went writes to its terminal is read, so that it isn't held up.
  func discardTerminal(_ index: UInt32) {
    guard let session = session(index), let number = session.terminal.descriptor else { return }
    markScratchUsed()
    do throws(Errno) { if try scratch.fill(from: number) != 0 { return } } catch {}
    epoll.remove(number)
    session.terminal = nil
  }

  func end(_ session: ShimSession) {
    for number in [session.listener.descriptor, session.client.descriptor, session.terminal.descriptor] {
      // Before it is closed: a launcher that was forked meanwhile may hold a copy.
      if let number { epoll.remove(number) }
    }
    if session.listener.descriptor != nil { try? Files.unlink("\(folder.path)/\(session.socketName)") }
    sessions.removeAll { $0 === session }
    armTimer()
  }
}
