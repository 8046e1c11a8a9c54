import BerthCore
import BerthLinux

/// Process 1 of the PID namespace that a pod's containers share: it reaps and keeps the namespace while they come and go.
final class NamespaceHolder {
  let cgroup: Cgroup
  /// Set as long as it is being launched.
  var launch: PendingLaunch?
  var isLaunching: Bool { launch != nil }
  var pid: Int32?
  /// Requests that wait for it.
  var waiting: [(client: UInt32, request: UInt32)]

  init(cgroup: Cgroup, launch: consuming PendingLaunch, waiting: (client: UInt32, request: UInt32)) {
    self.cgroup = cgroup
    self.launch = consume launch
    self.waiting = [waiting]
  }
}

extension ShimServer {
  /// Begins its launch, whose end answers the request; nil then. Where it lives already, that is the answer.
  func hold(_ path: String, _ launch: EncodedLaunch, waiting: (client: UInt32, request: UInt32)) throws(BerthError) -> ShimReply? {
    let operation = "hold pid namespace"
    guard case .ready(let sandbox) = sandbox else {
      throw BerthError(.failedPrecondition, operation, folder.path, cause: "the sandbox isn't set up")
    }
    if let holder {
      if holder.pid != nil { return .ok }
      holder.waiting.append(waiting)
      return nil
    }
    guard let cgroup = Cgroup(path, in: sandbox.cgroups) else {
      throw BerthError(.invalidArgument, operation, path, cause: "not a cgroup's path")
    }
    let pending = try ContainerLauncher.begin(
      id: "pid namespace", encoded: launch, stdin: -1, stdout: -1, stderr: -1, nodeMounts: sandbox.nodeMounts)
    let result = pending.resultFD
    let made = NamespaceHolder(cgroup: cgroup, launch: pending, waiting: waiting)
    do throws(Errno) { try epoll.add(result, .input, token: Self.token(.holder)) } catch {
      if let launch = made.launch.take() { try? ProcessControl.signal(try launch.finish().pid, 9) }
      throw error.wrapped(operation, folder.path)
    }
    holder = made
    return nil
  }

  /// Its launcher has something to say.
  func finishHolding() {
    guard let holder, let launch = holder.launch.take() else { return }
    epoll.remove(launch.resultFD)
    let answer: ShimReply
    do throws(BerthError) {
      let pid = try launch.finish().pid
      holder.pid = pid
      try pin(pid)
      answer = .ok
    } catch {
      if holder.pid == nil { self.holder = nil } else { releaseHolder() }
      answer = .error(error)
    }
    for waiting in holder.waiting { reply(answer, to: waiting.request, of: waiting.client) }
    holder.waiting = []
    hasWorked = true
    reap()
  }

  /// For containers to join.
  private func pin(_ pid: Int32) throws(BerthError) {
    do throws(Errno) { try SandboxNamespaces.pin("pid", of: pid, at: folder.pidNamespace) } catch {
      throw error.wrapped("hold pid namespace", folder.path)
    }
  }

  /// Its end takes everybody in the namespace along: the next `hold` makes another one.
  func holderEnded() {
    guard let holder else { return }
    self.holder = nil
    if (try? holder.cgroup.remove()) == nil { leftovers.append(holder.cgroup) }
  }

  /// Ends it, once no container is left in it.
  func releaseHolder() {
    guard let pid = holder?.pid else { return }
    try? ProcessControl.signal(pid, 9)
    _ = try? Children.wait(for: pid)
    holderEnded()
  }
}
