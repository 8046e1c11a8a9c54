import BerthCore
import BerthLinux

/// Clients of a container's own streams, beside its log.
extension ShimServer {
  func attach(_ session: ShimSession, _ passed: inout PassedDescriptors) throws(BerthError) {
    guard let container = containers.first(where: { $0.name == session.container }), let record = container.initRecord else {
      throw BerthError(.failedPrecondition, "attach to container", session.container, cause: "the container doesn't run")
    }
    _ = passed.takeFirst()
    session.output = passed.takeSecond()
    session.errors = passed.takeThird()
    guard let output = session.output.descriptor, let errors = session.errors.descriptor else {
      throw BerthError(.invalidArgument, "attach to container", session.container, cause: "the streams are missing")
    }
    do throws(Errno) {
      // A client that doesn't read holds up nobody.
      try Descriptors.setNonBlocking(output)
      try Descriptors.setNonBlocking(errors)
      session.deadline = BootTime(nanoseconds: .max)
      armTimer()
      let running = SessionMessage.running(pid: record.process.pid)
      if container.hasTerminal {
        session.tell(running, passing: container.output?.stdout.descriptor)
      } else if container.hasInput {
        let input = try Fifo.openWriter(folder.stream(container.name, "stdin"))
        session.tell(running, passing: input.raw)
      } else {
        session.tell(running)
      }
    } catch { throw error.wrapped("attach to container", session.container) }
  }

  /// What was just read of a container's output, for those who are attached to it.
  func copy(_ stream: LogBatch.Stream, of container: String, _ bytes: UnsafeRawBufferPointer) {
    for session in sessions where session.isAttached && session.container == container {
      guard let number = stream == .stdout ? session.output.descriptor : session.errors.descriptor else { continue }
      // What doesn't fit is in the log.
      _ = try? Descriptors.writeAvailable(bytes, to: number)
    }
  }

  func endAttachments(to container: String, _ record: ExitRecord) {
    for session in sessions where session.isAttached && session.container == container {
      if let exitCode = record.exitCode {
        session.tell(.ended(exitCode: exitCode, signal: record.signal))
      } else {
        session.tell(.failed(BerthError(.dataLoss, "attach to container", container, cause: "its exit code is unknown: its shim was dead")))
      }
      end(session)
    }
  }
}
