import BerthCore
import BerthLinux
import BerthManifest
import BerthRuntime

/// What of a container must not go with its shim, held by the daemon: its process's end, and what it writes before a keeper reads on.
final class ContainerGuard: Sendable {
  let attempt: UInt32
  let process: FD
  /// Reading ends of its FIFOs, which nobody here reads: what is in a FIFO that nobody has open is lost.
  private let stdout: FD?
  private let stderr: FD?

  /// nil if it has ended, and been reaped.
  init?(_ record: InitRecord, stdout: String, stderr: String) throws(Errno) {
    guard let process = try record.process.open() else { return nil }
    self.process = process
    attempt = record.attempt
    self.stdout = try? Fifo.openReader(stdout)
    self.stderr = try? Fifo.openReader(stderr)
  }
}

/// A pod whose shim is dead gets a keeper for what runs on.
extension Pod {
  /// Holds on to what runs according to its shim, and to nothing else.
  func updateGuards(_ state: ShimState) {
    for container in state.containers {
      guard case .running(let process) = container.phase else {
        guards[container.name] = nil
        continue
      }
      hold(container.name, process)
    }
  }

  private func hold(_ name: String, _ process: InitRecord) {
    if guards[name]?.attempt == process.attempt { return }
    let folder = PodFolder(paths.state)
    guards[name] = try? ContainerGuard(process, stdout: folder.stream(name, "stdout"), stderr: folder.stream(name, "stderr"))
  }

  /// As `updateGuards`, for the other sides of terminals: without one the container's processes get SIGHUP.
  func holdTerminals(_ state: ShimState) async {
    for container in state.containers {
      guard case .running(let process) = container.phase else {
        terminals[container.name] = nil
        continue
      }
      if terminals[container.name]?.attempt == process.attempt { continue }
      guard record.spec.allContainers.contains(where: { $0.name == container.name && $0.tty }) else { continue }
      if let terminal = await terminal(of: container.name) { terminals[container.name] = (process.attempt, terminal) }
    }
  }

  private func terminal(of container: String) async -> HeldDescriptor? {
    let latest = deadline(Self.answerTime)
    guard let connection = link.connection,
      case .session(let socket) = try? await connection.request(.attach(container: container), deadline: latest)
    else { return nil }
    let request = try? TerminalRequest(
      socket: PacketConnection.connect(in: paths.state, name: socket), deadline: latest, monitor: context.shims)
    return await request?.value()
  }

  private static let keeperPause: Int64 = 500_000_000

  /// Finds the pod's keeper, or starts one where something runs that nobody looks after.
  func keep(_ facts: PodFacts) async {
    endHalfStarted(facts)
    let kept = facts.containers.keys.sorted().compactMap { keptContainer($0, facts) }
    for container in kept { hold(container.name, container.process) }
    if facts.isKeeperAlive { return await connectToKeeper(kept) }
    if kept.isEmpty { return }
    // One that can't live, as with a full state folder, is tried again in a while: the pod is looked at every second.
    if let keeperStart, BootTime.now < keeperStart.after(nanoseconds: Self.keeperPause) { return }
    keeperStart = .now
    var handles: [Int32] = []
    var requests: [KeptContainer] = []
    for var container in kept {
      if let handle = guards[container.name], handle.attempt == container.process.attempt {
        container.handle = 4 + Int32(handles.count)
        handles.append(handle.process.raw)
      }
      if let terminal = terminals[container.name], terminal.attempt == container.process.attempt {
        container.terminal = 4 + Int32(handles.count)
        handles.append(terminal.held.fd.raw)
      }
      requests.append(container)
    }
    // Where it fails the containers run on all the same, and the next look tries again.
    guard
      let connection = try? context.shims.spawn(
        shimPath: context.shimPath, podDirectory: paths.state, role: .keeper, handles: handles, onEvent: onEvent, onClosed: onClosed)
    else { return }
    do throws(BerthError) {
      try await hand(requests, to: connection)
      link = .kept(connection)
    } catch { connection.close() }
  }

  private func hand(_ containers: [KeptContainer], to keeper: ShimConnection) async throws(BerthError) {
    let answers = containers.map { keeper.send(.keep($0), deadline: deadline(Self.answerTime)) }
    for answer in answers { _ = try await answer.value() }
  }

  /// One that was started before. Who started it may have died before it told what to keep, or failed to: what it keeps already is fine.
  private func connectToKeeper(_ kept: [KeptContainer]) async {
    guard
      let connection = try? context.shims.connect(podDirectory: paths.state, role: .keeper, onEvent: onEvent, onClosed: onClosed)
    else { return }
    do throws(BerthError) {
      _ = try await connection.greet(deadline: deadline(Self.answerTime))
      try await hand(kept, to: connection)
      link = .kept(connection)
    } catch { connection.close() }
  }

  private func keptContainer(_ name: String, _ facts: PodFacts) -> KeptContainer? {
    guard let known = facts.containers[name], let process = known.initRecord, known.exit == nil,
      let spec = record.spec.allContainers.first(where: { $0.name == name })
    else { return nil }
    var kept = KeptContainer(
      name: name, process: process, cgroup: context.containerCgroup(uid, name), log: logTarget(spec, attempt: process.attempt))
    kept.hasInput = spec.stdin
    return kept
  }

  /// A container that its shim was starting when it died: nobody ever knew of it, and it would never be waited for.
  func endHalfStarted(_ facts: PodFacts) {
    for (name, known) in record.containers {
      if let begun = facts.containers[name]?.initRecord?.attempt, begun >= known.attempt { continue }
      guard let cgroup = try? context.cgroup(context.containerCgroup(uid, name)), (try? cgroup.processes())?.isEmpty == false
      else { continue }
      try? cgroup.killAll()
    }
  }
}
