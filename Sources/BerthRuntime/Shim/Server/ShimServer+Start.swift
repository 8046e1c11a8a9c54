import BerthCore
import BerthLinux

extension ShimServer {
  /// Begins a launch, whose end answers the request; nil then. A repeated request for the same attempt joins the first.
  func begin(_ start: ContainerStart, waiting: (client: UInt32, request: UInt32)) throws(BerthError) -> ShimReply? {
    guard case .ready(let sandbox) = sandbox else {
      throw refusal(start, .failedPrecondition, role == .keeper ? "the pod's shim is gone" : "the sandbox isn't set up")
    }
    guard let cgroup = Cgroup(start.cgroup, in: sandbox.cgroups) else { throw refusal(start, .invalidArgument, "not a cgroup's path") }
    if let known = containers.first(where: { $0.name == start.name }) {
      if known.attempt == start.attempt {
        switch known.phase {
        case .running(let record): return .started(record, warnings: [])
        case .launching:
          known.waiting.append(waiting)
          return nil
        case .exited: throw refusal(start, .alreadyExists, "attempt \(start.attempt) has ended already")
        }
      }
      guard known.hasEnded else { throw refusal(start, .failedPrecondition, "attempt \(known.attempt) runs") }
      guard start.attempt > known.attempt else { throw refusal(start, .failedPrecondition, "attempt \(known.attempt) came later") }
    } else if containers.count >= ShimProtocol.Limit.containers {
      throw refusal(start, .resourceExhausted, "a pod has at most \(ShimProtocol.Limit.containers) containers")
    }
    removeLeftovers()
    let container = try launch(start, cgroup, nodeMounts: sandbox.nodeMounts, waiting)
    container.previous = containers.first { $0.name == start.name }
    containers.removeAll { $0.name == start.name }
    containers.append(container)
    return nil
  }

  private func refusal(_ start: ContainerStart, _ code: ErrorCode, _ cause: String) -> BerthError {
    BerthError(code, "start container", start.name, cause: cause)
  }

  private func prepareStreams(_ start: ContainerStart) throws(BerthError) -> ContainerStreams {
    do throws(Errno) { return try ContainerStreams(start, in: folder) } catch { throw error.wrapped("start container", start.name) }
  }

  private func launch(
    _ start: ContainerStart, _ cgroup: Cgroup, nodeMounts: Int32, _ waiting: (client: UInt32, request: UInt32)
  ) throws(BerthError) -> SupervisedContainer {
    let streams = try prepareStreams(start)
    let pending = try ContainerLauncher.begin(
      id: start.name, encoded: start.launch, stdin: streams.stdin.descriptor ?? -1, stdout: streams.stdout.descriptor ?? -1,
      stderr: streams.stderr.descriptor ?? -1, console: streams.theirConsole.descriptor, nodeMounts: nodeMounts)
    let result = pending.resultFD
    let container = SupervisedContainer(
      index: nextIndex(), start, cgroup: cgroup, launch: pending, output: streams.output, console: streams.takeConsole(), waiting: waiting)
    do throws(Errno) { try epoll.add(result, .input, token: Self.token(.launch, container.index)) } catch {
      // The kernel has no memory for a watch. What was launched is ended at once rather than left to itself.
      if let launch = container.launch.take() { try? ProcessControl.signal(try launch.finish().pid, 9) }
      throw error.wrapped("start container", start.name)
    }
    return container
  }

  /// The launcher has something to say.
  func finishLaunch(_ index: UInt32) {
    guard let container = containers.first(where: { $0.index == index }) else { return }
    finish(container)
    // Nothing was reaped while the launch went on.
    reap()
  }

  private func finish(_ container: SupervisedContainer) {
    guard let launch = container.launch.take() else { return }
    epoll.remove(launch.resultFD)
    do throws(BerthError) { started(container, try launch.finish()) } catch { failed(container, error) }
    hasWorked = true
  }

  private func started(_ container: SupervisedContainer, _ process: consuming LaunchedProcess) {
    let record = InitRecord(
      attempt: container.attempt, process: ProcessIdentity(pid: process.pid, startTicks: process.startTimeTicks), startedAt: .now)
    container.phase = .running(record)
    container.previous = nil
    container.takeTerminal()
    write(record.json, to: folder.initRecord(container.name))
    watchOutput(of: container)
    for waiting in container.waiting { reply(.started(record, warnings: process.warnings), to: waiting.request, of: waiting.client) }
    container.waiting = []
    if let stop = container.stop { try? ProcessControl.signal(process.pid, stop.signal) }
  }

  func watchOutput(of container: SupervisedContainer) {
    for (stream, source) in [(LogBatch.Stream.stdout, Source.stdout), (.stderr, .stderr)] {
      guard let descriptor = container.output?[stream].descriptor else { continue }
      try? epoll.add(descriptor, .input, token: Self.token(source, container.index))
    }
  }

  /// As if it had never been asked for: the attempt before is what there is.
  private func failed(_ container: SupervisedContainer, _ error: BerthError) {
    containers.removeAll { $0 === container }
    if let previous = container.previous { containers.append(previous) }
    for waiting in container.waiting { reply(.error(error), to: waiting.request, of: waiting.client) }
    armTimer()
  }

  /// Nobody can be told of a failure but whoever reads the state: it holds the same.
  func write(_ record: JSON, to path: String) { try? Files.writeAtomically(record.encoded(), to: path) }
}
