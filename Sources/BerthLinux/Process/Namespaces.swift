import CBerthSys
import Glibc

/// What a process can have and where it is.
public enum Namespaces {
  /// Joins an open namespace; `kind` is its CLONE_NEW* flag. A pid namespace is joined by the children to come.
  public static func join(_ namespace: borrowing FD, kind: UInt64) throws(Errno) {
    let number = namespace.raw
    try call { berth_setns(number, Int32(truncatingIfNeeded: kind)) }
  }

  /// The bits of the capabilities that this process and its children can ever have.
  public static var boundingSet: UInt64 { berth_bounding_set() }
}

extension ProcessControl {
  /// No process without rights over this one can look into it or its /proc/PID, and it leaves no core. Lasts until exec.
  public static func makeUndumpable() { _ = berth_make_undumpable() }

  /// Whether this program was executed from a mount that nobody can write through.
  public static var isSealed: Bool {
    var status = statvfs()
    return statvfs("/proc/self/exe", &status) == 0 && status.f_flag & UInt(ST_RDONLY) != 0
  }
}
