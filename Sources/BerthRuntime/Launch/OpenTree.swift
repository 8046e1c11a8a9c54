import BerthLinux
import CBerthInit

/// What the init plan does with the source of a bind, done by its launcher.
enum OpenTree {
  /// A detached copy of what is mounted at `path`, or at `below` in it, from where no symlink leads out. Its propagation is the source's.
  static func copy(_ path: String, below: String, recursive: Bool) throws(Errno) -> FD {
    FD(owning: try call { berth_tree(path, below, recursive ? 1 : 0) })
  }
}
