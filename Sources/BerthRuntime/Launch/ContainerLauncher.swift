import BerthCore
import BerthLinux

/// Starts containers as children of the calling process.
public enum ContainerLauncher {
  /// CLONE_PARENT: the container is the caller's child, not the launcher's.
  static let siblingFlag: UInt64 = 0x8000

  /// Starts a short-lived *launcher* process and returns at once. The launcher reads the bundle's config.json, resolves the user,
  /// assembles the root file system, computes the init plan, makes the cgroup, and clones the container as a child of the caller
  /// (CLONE_PARENT): what costs memory or may trap on hostile input happens there.
  ///
  /// The caller must be single-threaded (or own no lock that a fork could tear). `stdin`, `stdout` and `stderr` are borrowed, they may
  /// be closed after the return; -1 stands for /dev/null. The caller's SIGCHLD handling must leave the pids of launcher and container
  /// alone until `finish` returned: no wait for any child meanwhile.
  public static func begin(_ request: LaunchRequest, stdin: Int32, stdout: Int32, stderr: Int32) throws(BerthError) -> PendingLaunch {
    let streams = [stdin, stdout, stderr]
    return try begin(id: request.id) { () throws(BerthError) in try PreparedLaunch(request, streams) }
  }

  /// As above, but the request is read by the launcher: its text costs the caller neither memory nor trust. `console` (borrowed): the
  /// socket that takes the other side of the container's terminal, where it is to have one. `nodeMounts` (borrowed): the node's mount
  /// namespace, where the caller has left it.
  public static func begin(
    id: String, encoded: EncodedLaunch, stdin: Int32, stdout: Int32, stderr: Int32, console: Int32? = nil, nodeMounts: Int32? = nil
  ) throws(BerthError) -> PendingLaunch {
    let streams = [stdin, stdout, stderr]
    return try begin(id: id) { () throws(BerthError) in
      try PreparedLaunch(try encoded.decode(), streams, console: console, nodeMounts: nodeMounts)
    }
  }

  /// A launcher whose work is what `prepare` makes of it, in its own process.
  static func begin(id: String, _ prepare: () throws(BerthError) -> PreparedLaunch) throws(BerthError) -> PendingLaunch {
    do throws(Errno) { return try fork(id, prepare) } catch {
      throw BerthError(.resourceExhausted, "launch", id, cause: error.description)
    }
  }

  private static func fork(_ id: String, _ prepare: () throws(BerthError) -> PreparedLaunch) throws(Errno) -> PendingLaunch {
    let cloned = try SharedNumber()
    let (first, second) = try DescriptorSocket.Pair().release()
    let pid: Int32
    do throws(Errno) { pid = try Children.fork() } catch {
      Descriptors.close([first, second])
      throw error
    }
    if pid == 0 {
      Descriptors.close([first])
      LauncherProcess.run(prepare, result: second, cloned: cloned.pointer)
    }
    Descriptors.close([second])
    return PendingLaunch(socket: FD(owning: first), launcher: pid, cloned: cloned, id: id)
  }

  /// What a container's exit code is to be when it never ran because of `error`: 127 for a command that isn't there, 126 for one that
  /// can't be executed, nil for every other failure (which happened before the command was tried).
  public static func exitCode(for error: BerthError) -> Int32? {
    guard error.operation == "exec" else { return nil }
    return error.code == .notFound ? 127 : 126
  }
}
