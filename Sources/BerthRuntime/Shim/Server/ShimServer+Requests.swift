import BerthCore
import BerthLinux

extension ShimServer {
  /// Answers at once, but for a launch that goes on.
  func perform(_ request: ShimRequest, id: UInt32, from client: UInt32) {
    do throws(BerthError) {
      if let answer = try answer(request, id: id, from: client) { reply(answer, to: id, of: client) }
    } catch { reply(.error(error), to: id, of: client) }
  }

  private func answer(_ request: ShimRequest, id: UInt32, from client: UInt32) throws(BerthError) -> ShimReply? {
    switch request {
    case .hello(let minVersion, let maxVersion):
      let version = min(maxVersion, ShimProtocol.version)
      guard version >= max(minVersion, ShimProtocol.firstVersion) else {
        let own = "\(ShimProtocol.firstVersion) to \(ShimProtocol.version)"
        throw BerthError(.unsupported, request.operation, "shim", cause: "this shim speaks versions \(own)")
      }
      return .hello(ShimIdentity(version: version, pid: ProcessControl.pid, podUID: podUID))
    case .setUpSandbox(let setup):
      try setUp(setup)
      return .ok
    case .start(let start): return try begin(start, waiting: (client, id))
    case .stop(let name, let signal, let grace):
      try stop(try container(name, request.operation), signal: signal, graceMilliseconds: grace)
      return .ok
    case .signal(let name, let signal):
      try self.signal(try container(name, request.operation), signal)
      return .ok
    case .state: return .state(state)
    case .shutdown:
      try shutDown()
      return .ok
    case .exec(let name, let timeout, let encoded):
      let session = try openSession(of: try container(name, request.operation), timeoutMilliseconds: timeout, encoded)
      return .session(socket: session)
    case .connect(let port, let isSix): return .session(socket: try open("", .connect(port: port, isSix: isSix), timeout: nil))
    case .hold(let cgroup, let launch): return try hold(cgroup, launch, waiting: (client, id))
    case .keep(let container):
      try keep(container)
      return .ok
    case .attach(let name): return .session(socket: try openAttachment(to: try container(name, request.operation)))
    }
  }

  private var podUID: String { if case .ready(let sandbox) = sandbox { sandbox.setup.podUID } else { "" } }

  private var state: ShimState {
    let isReady = if case .ready = sandbox { true } else { false }
    return ShimState(isSandboxReady: isReady, containers: containers.map(\.description))
  }

  private func container(_ name: String, _ operation: String) throws(BerthError) -> SupervisedContainer {
    guard let found = containers.first(where: { $0.name == name }) else {
      throw BerthError(.notFound, operation, name, cause: "this shim never started it")
    }
    return found
  }

  private func setUp(_ setup: SandboxSetup) throws(BerthError) {
    switch sandbox {
    case .none:
      do throws(BerthError) { sandbox = .ready(try Sandbox(setup, in: folder)) } catch {
        sandbox = .failed(error)
        throw error
      }
    case .ready(let ready):
      guard ready.setup == setup else {
        throw BerthError(.failedPrecondition, "set up sandbox", setup.podUID, cause: "it is set up already, and otherwise")
      }
    case .failed(let error):
      throw BerthError(.failedPrecondition, "set up sandbox", setup.podUID, cause: "failed before (\(error)); shut this shim down")
    }
  }

  private func shutDown() throws(BerthError) {
    if let running = containers.first(where: { !$0.hasEnded }) {
      throw BerthError(.failedPrecondition, "shut shim down", folder.path, cause: "container \(running.name) runs")
    }
    releaseHolder()
    removeLeftovers()
    if case .ready(let ready) = sandbox { try ready.tearDown() }
    isDone = true
  }
}
