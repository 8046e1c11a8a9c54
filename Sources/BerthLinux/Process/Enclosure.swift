import CBerthSys
import Glibc

/// A process that is shut in with what it works on.
public enum Enclosure {
  /// A place of the node that stays visible, under its own path.
  public struct Place: Sendable, Hashable {
    public var path: String
    public var isWritable: Bool

    public init(_ path: String, isWritable: Bool = false) {
      self.path = path
      self.isWritable = isWritable
    }
  }

  /// Bytes of memory that decoding may take: the largest zstd windows of all layers at once fit.
  private static let memory: UInt = 4 << 30
  private static let descriptors: UInt = 4096

  /// Starts `path` as the first process of mount, PID, IPC and UTS namespaces, without `hasNetwork` in an empty network namespace too.
  /// `descriptors` become 0, 1, 2… Costs what posix_spawn does and the namespaces: this process's memory isn't copied. The caller reaps
  /// the child. Throws what clone or exec failed with.
  public static func spawn(
    _ path: String, arguments: [String], descriptors: [Int32], hasNetwork: Bool
  ) throws(Errno) -> pid_t {
    // Out of the way of the numbers that they become.
    var copies: [Int32] = []
    defer { for copy in copies { close(copy) } }
    for number in descriptors { copies.append(try call { fcntl(number, F_DUPFD_CLOEXEC, 100) }) }
    var pid: pid_t = -1
    var failure = Errno(0)
    withCStrings(arguments) { argv in
      withCStrings([]) { envp in
        pid = berth_spawn_apart(path, argv, envp, copies, Int32(copies.count), hasNetwork ? 1 : 0)
        failure = Errno(errno)
      }
    }
    if pid < 0 { throw failure }
    return pid
  }

  /// For a process that `spawn` has started, while it has one thread and has read nothing that isn't trusted: goes on in a root that holds
  /// nothing but `places` and a /proc with nobody else in it, under a filter that knows the system calls of downloading and unpacking.
  /// Needs CAP_SYS_ADMIN and no_new_privs.
  public static func enter(_ places: [Place], hasNetwork: Bool) throws(Errno) {
    // Outer places before those in them.
    let sorted = places.sorted { ($0.path.utf8.count, $0.path) < ($1.path.utf8.count, $1.path) }
    let paths = sorted.map { strdup($0.path) }
    defer { for path in paths { free(path) } }
    let list = zip(paths, sorted).map { berth_place(path: UnsafePointer($0), writable: $1.isWritable ? 1 : 0) }
    try call { berth_enclosure_enter(list, list.count, memory, descriptors) }
    try call { berth_enclosure_filter(hasNetwork ? 1 : 0) }
  }
}
