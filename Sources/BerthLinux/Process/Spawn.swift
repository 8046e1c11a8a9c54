import CBerthSys
import Glibc

/// Starts other programs by posix_spawn(3): about 60 µs whatever the size of this process.
public enum Spawn {
  /// Descriptors to hand over: number in the child → number here. All others are closed by CLOEXEC.
  public typealias Descriptors = [(child: Int32, parent: Int32)]

  /// Starts `path`. The child gets exactly `environment` and `descriptors`, an empty signal mask, default signal actions,
  /// and with `newSession` a session of its own. The caller reaps it. Throws what exec failed with.
  public static func start(
    _ path: String, arguments: [String], environment: [String] = [], descriptors: Descriptors = [], newSession: Bool = false
  ) throws(Errno) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    // Two rounds, so that a source number that is also some other entry's target is not overwritten before it is copied.
    var scratch: [Int32] = []
    defer { for number in scratch { close(number) } }
    for entry in descriptors { scratch.append(try copy(entry.parent, above: descriptors)) }
    for (entry, copy) in zip(descriptors, scratch) { posix_spawn_file_actions_adddup2(&actions, copy, entry.child) }
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF) | (newSession ? 0x80 : 0))
    var pid: pid_t = 0
    let result = withCStrings(arguments) { argv in
      withCStrings(environment) { envp in posix_spawn(&pid, path, &actions, &attributes, argv, envp) }
    }
    if result != 0 { throw Errno(result) }
    return pid
  }

  /// A copy whose number is none of those that the child gets. EINVAL or EMFILE: more than this process may have open.
  private static func copy(_ number: Int32, above descriptors: Descriptors) throws(Errno) -> Int32 {
    let highest = descriptors.map(\.child).max() ?? 0
    return try call { fcntl(number, F_DUPFD_CLOEXEC, max(100, highest + 1)) }
  }

  /// As `start` with a session of its own and no environment, in other control groups than this process's: born in the v2 group whose
  /// directory is `group`, if any, and a member of the v1 groups whose `tasks` are open for writing. `missed`: why it isn't in one of the
  /// latter.
  public static func start(
    _ path: String, arguments: [String], descriptors: Descriptors, group: Int32?, tasks: [Int32]
  ) throws(Errno) -> (pid: pid_t, missed: Errno?) {
    // Out of the way of the numbers that they become.
    var copies: [Int32] = []
    defer { for copy in copies { close(copy) } }
    for entry in descriptors { copies.append(try copy(entry.parent, above: descriptors)) }
    let numbers = descriptors.map(\.child)
    var pid: pid_t = -1
    var (failure, missed) = (Errno(0), Errno(0))
    tasks.withUnsafeBufferPointer { tasks in
      var home = berth_home(group: group ?? -1, tasks: tasks.baseAddress, task_count: Int32(tasks.count), error: 0)
      withCStrings(arguments) { argv in
        withCStrings([]) { envp in
          pid = berth_spawn_at_home(path, argv, envp, numbers, copies, Int32(copies.count), &home)
          failure = Errno(errno)
        }
      }
      missed = Errno(home.error)
    }
    if pid < 0 { throw failure }
    return (pid, missed.code == 0 ? nil : missed)
  }
}

/// Calls `body` with a NULL-terminated array of C strings, valid during the call.
public func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers = strings.map { strdup($0) }
  pointers.append(nil)
  defer { for pointer in pointers { free(pointer) } }
  return pointers.withUnsafeBufferPointer { buffer in
    guard let base = buffer.baseAddress else { preconditionFailure("an array with a NULL at its end is not empty") }
    return body(base)
  }
}
