import BerthCore
import BerthLinux

extension ShimServer {
  /// Children that have ended. While a launch goes on its processes are the launcher's business, so that only pids known are waited for;
  /// orphans are reaped once it is over.
  func reap() {
    for container in containers where container.process == nil {
      if let pid = container.initRecord?.process.pid, let ended = try? Children.reapIfEnded(pid) { exited(container, ended) }
    }
    for session in sessions { if let pid = session.pid, let ended = try? Children.reapIfEnded(pid) { sessionEnded(session, ended) } }
    if let pid = holder?.pid, (try? Children.reapIfEnded(pid)) != nil { holderEnded() }
    if holder?.isLaunching == true { return }
    if containers.contains(where: { $0.isLaunching }) || sessions.contains(where: { $0.isLaunching }) { return }
    while let (pid, ended) = Children.reapAny() {
      if pid == holder?.pid {
        holderEnded()
      } else if let container = containers.first(where: { $0.process == nil && $0.initRecord?.process.pid == pid }) {
        exited(container, ended)
      } else if let session = sessions.first(where: { $0.pid == pid }) {
        sessionEnded(session, ended)
      }
    }
    removeLeftovers()
  }

  /// The order is a promise: when the record appears, the log is complete; when anybody is told, the record is on disk.
  /// `ended`: nil where nobody can tell.
  func exited(_ container: SupervisedContainer, _ ended: ExitStatus?) {
    guard let initRecord = container.initRecord else { return }
    let finishedAt = Timestamp.now
    // Processes outside its pid namespace, as those that were executed in it later, don't die with the init.
    if (try? container.cgroup.processes())?.isEmpty == false { try? container.cgroup.killAll() }
    drain(container)
    let oomKills = (try? container.cgroup.oomKills()) ?? 0
    let record = ExitRecord(
      attempt: container.attempt, exitCode: ended?.code, signal: ended?.signal, oomKilled: oomKills > 0,
      startedAt: initRecord.startedAt, finishedAt: finishedAt)
    write(record.json, to: folder.exitRecord(container.name))
    container.phase = .exited(record)
    container.stop = nil
    publish(.exited(container: container.name, record))
    endAttachments(to: container.name, record)
    if (try? container.cgroup.remove()) == nil { leftovers.append(container.cgroup) }
    container.process = nil
    armTimer()
    endIfIdle()
  }

  private func drain(_ container: SupervisedContainer) {
    guard let output = container.output else { return }
    for stream in [LogBatch.Stream.stdout, .stderr] {
      if let descriptor = output[stream].descriptor { epoll.remove(descriptor) }
    }
    output.drain(&batch) { stream, bytes in copy(stream, of: container.name, bytes) }
    container.output = nil
  }

  /// Groups with processes that were still dying: every death of one comes by here, for orphans are adopted.
  func removeLeftovers() {
    leftovers.removeAll { (try? $0.remove()) != nil }
  }
}
