import BerthLinux
import CBerthInit

/// The calling process's own program, for a container to have as its init (`CBerthReaper`).
enum InitProgram {
  /// Open to be executed, through a mount of its own that is read-only and attached nowhere: nobody in the container can write to the
  /// program by way of /proc/1/exe. `nodeMounts`: the mount namespace in which this process was executed, where that isn't this one.
  static func open(nodeMounts: Int32?) throws(Errno) -> FD {
    guard let nodeMounts else { return try open() }
    return try MountNamespace.within(nodeMounts) { () throws(Errno) in try open() }
  }

  private static func open() throws(Errno) -> FD { FD(owning: try call { berth_own_program() }) }
}
