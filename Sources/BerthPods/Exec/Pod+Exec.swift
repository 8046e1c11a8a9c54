import BerthCore
import BerthImages
import BerthLinux
import BerthManifest
import BerthRuntime

extension Pod {
  /// Of what a captured command wrote, in bytes.
  public static let execOutputLimit = 16 << 20

  /// Runs `command` (its first word looked up in the container's PATH) in a container that runs, as its user, in its working directory,
  /// with its environment, limits and filter, and waits for the end. Standard input is empty. The actor is not held meanwhile: any
  /// number may run at once.
  ///
  /// `timeout` counts from the start of the command; then it is killed, the session that it leads with it, and `.deadlineExceeded` is
  /// thrown. The shim keeps that time: a daemon that dies leaves no command behind. Throws `.failedPrecondition` if the container doesn't
  /// run, `.unsupported` if its shim is of a Berth that couldn't do this, and an error of operation "exec" if the command cannot be
  /// executed, for which `ContainerLauncher.exitCode(for:)` gives 127 (not found) or 126. A command that was run and failed is no error.
  public func exec(_ container: String, _ command: [String], timeout: Duration?) async throws(BerthError) -> ExecResult {
    let request = try execRequest(container, command)
    let milliseconds = timeout.map { UInt64(clamping: max(1, $0.milliseconds)) } ?? 0
    let socket = try await openSession(container, request, timeoutMilliseconds: milliseconds)
    let subject = "\(key)/\(container)"
    let latest = timeout.map { deadline($0.nanoseconds).after(nanoseconds: Self.answerTime) }
    let running: CapturedExec
    do throws(Errno) {
      running = try CapturedExec(
        socket: try PacketConnection.connect(in: paths.state, name: socket), subject: subject, limit: Self.execOutputLimit,
        deadline: latest, monitor: context.shims)
    } catch { throw BerthError(.unavailable, "exec in container", subject, cause: "\(error)") }
    return try await running.value()
  }

  /// Readies a session for what a user asks for, in `name` or the pod's first container: the path of its one-time socket. Streams go
  /// between the user's client and the process from then on. Throws as `exec` does.
  public func openExec(_ name: String?, _ options: ExecOptions) async throws(BerthError) -> String {
    let container = name ?? record.spec.containers.first?.name ?? ""
    var request = try execRequest(container, options.command)
    request.environment = options.environment
    request.workingDirectory = options.workingDirectory
    if let user = options.user { request.user = user }
    request.terminal = options.terminal
    return "\(paths.state)/\(try await openSession(container, request, timeoutMilliseconds: 0))"
  }

  /// The one-time socket of a session for `request`: its name in the pod's state folder. See `SessionMessage`.
  func openSession(
    _ container: String, _ request: ExecRequest, timeoutMilliseconds: UInt64
  ) async throws(BerthError) -> String {
    let reply = try await connection("exec in container").request(
      .exec(container: container, timeoutMilliseconds: timeoutMilliseconds, request: request.json().encoded()),
      deadline: deadline(Self.answerTime))
    guard case .session(let socket) = reply else {
      throw BerthError(.bug, "exec in container", "\(key)/\(container)", cause: "the shim answered something else")
    }
    return socket
  }

  /// `command` with what the container itself was started with.
  func execRequest(_ name: String, _ command: [String]) throws(BerthError) -> ExecRequest {
    guard let spec = record.spec.allContainers.first(where: { $0.name == name }) else {
      throw BerthError(.notFound, "exec in container", "\(key)/\(name)", cause: "the pod has no such container")
    }
    guard command.first?.isEmpty == false, command.allSatisfy({ !$0.utf8.contains(0) }) else {
      throw BerthError(.invalidArgument, "exec in container", "\(key)/\(name)", cause: "names no command")
    }
    var request = ExecRequest(id: "\(uid)/\(name)", bundle: paths.bundle(name), arguments: command)
    if let user = spec.user { request.user = user } else { request.user = try pinnedImage(spec.image).config.user }
    request.seccompFilter = try context.seccomp.path(for: spec.security, capabilities: spec.capabilities)
    return request
  }
}
