import BerthCore
import BerthLinux
import BerthOCI

/// What a process does in a pod's state folder.
public enum ShimRole: Sendable {
  /// Parent of the pod's containers.
  case shim
  /// Looks after what a dead shim left running: takes over output, ends and sessions, and starts nothing.
  case keeper
}

/// The first process of a container that isn't this process's child.
final class KeptProcess {
  let pidfd: FD
  init(_ pidfd: consuming FD) { self.pidfd = pidfd }
}

/// Descriptors that whoever started a keeper passed to it, until they are asked for by their number: pidfds, and the other sides of
/// terminals.
public final class PassedHandles {
  private var held: Set<Int32> = []

  /// Takes over `count` descriptors from `first` on.
  public init(from first: Int32, count: Int32) {
    for number in first..<first + count { held.insert(number) }
  }

  deinit { for number in held { _ = FD(owning: number) } }

  func has(_ number: Int32) -> Bool { held.contains(number) }
  func take(_ number: Int32) -> FD? {
    guard held.remove(number) != nil else { return nil }
    return FD(owning: number)
  }
}

extension ShimServer {
  /// Takes a container over, at the latest word of its streams that nobody has read yet. A repeated request for the same attempt is fine.
  func keep(_ kept: KeptContainer) throws(BerthError) {
    guard role == .keeper else { throw refusal(kept, .failedPrecondition, "this is the pod's shim, which keeps its own") }
    if let known = containers.first(where: { $0.name == kept.name }) {
      if known.attempt == kept.process.attempt { return }
      throw refusal(kept, .failedPrecondition, "attempt \(known.attempt) is kept")
    }
    guard containers.count < ShimProtocol.Limit.containers else {
      throw refusal(kept, .resourceExhausted, "a pod has at most \(ShimProtocol.Limit.containers) containers")
    }
    guard let cgroup = Cgroup(kept.cgroup, in: try CgroupLayout.detect()) else {
      throw refusal(kept, .invalidArgument, "not a cgroup's path")
    }
    for number in [kept.handle, kept.terminal].compactMap({ $0 }) where !handles.has(number) {
      throw refusal(kept, .invalidArgument, "no such handle was passed")
    }
    do throws(Errno) {
      let process = try opened(kept)
      let output = try ContainerOutput(continuing: kept.log, name: kept.name, in: folder, batch: &batch)
      if let number = kept.terminal, let terminal = handles.take(number) { output.stdout.open(terminal) }
      let container = SupervisedContainer(index: nextIndex(), kept, cgroup: cgroup, process: process, output: output)
      containers.append(container)
      watchOutput(of: container)
      guard let process else { return exited(container, nil) }
      try epoll.add(process.pidfd.raw, .input, token: Self.token(.process, container.index))
      enterNamespaces(of: process)
    } catch { throw error.wrapped("keep container", kept.name) }
  }

  private func refusal(_ kept: KeptContainer, _ code: ErrorCode, _ cause: String) -> BerthError {
    BerthError(code, "keep container", kept.name, cause: cause)
  }

  private func opened(_ kept: KeptContainer) throws(Errno) -> KeptProcess? {
    var process: FD?
    if let number = kept.handle { process = handles.take(number) } else { process = try kept.process.process.open() }
    guard let pidfd = process.take() else { return nil }
    return KeptProcess(pidfd)
  }

  /// For sessions: a socket that is made here and a process that is executed from here are where this process is. Before it is in the
  /// pod there are none.
  private func enterNamespaces(of process: KeptProcess) {
    if isInPod { return }
    let kinds: [RuntimeSpec.NamespaceKind] = [.network, .ipc, .uts]
    // All of them or none: a container that is just ending has none any more.
    isInPod = (try? Namespaces.join(process.pidfd, kind: kinds.reduce(0) { $0 | $1.cloneFlag })) != nil
  }

  /// The pidfd of a kept container has become readable.
  func endKept(_ index: UInt32) {
    guard let container = containers.first(where: { $0.index == index }), let process = container.process,
      let record = container.initRecord
    else { return }
    epoll.remove(process.pidfd.raw)
    exited(container, ExitStatus.ofStranger(process.pidfd, record.process))
    hasWorked = true
  }
}
