import CBerthSys
import Glibc

/// Paths below a root that somebody else filled: an image, a volume, a container. The kernel resolves every path inside the root
/// (openat2, Linux 5.6), so that no symlink, however it is swapped meanwhile, leads out of it.
public enum Rooted {
  public enum Resolution: Sendable {
    /// `/` and `..` and absolute symlinks mean the root, as after chroot(2).
    case inRoot
    /// As `inRoot`, but any symlink on the way is an error (ELOOP).
    case noSymlinks
    /// Leaving the root is an error (EXDEV), symlinks inside are followed.
    case beneath

    var flags: UInt64 {
      switch self {
      case .inRoot: UInt64(BERTH_RESOLVE_IN_ROOT | BERTH_RESOLVE_NO_MAGICLINKS)
      case .noSymlinks: UInt64(BERTH_RESOLVE_IN_ROOT | BERTH_RESOLVE_NO_SYMLINKS)
      case .beneath: UInt64(BERTH_RESOLVE_BENEATH | BERTH_RESOLVE_NO_MAGICLINKS)
      }
    }
  }

  /// CLOEXEC is added to `flags`. EAGAIN, which a rename elsewhere in the tree causes, is tried again up to 128 times.
  public static func open(
    _ root: borrowing FD, _ path: String, _ flags: Int32, mode: mode_t = 0, _ resolution: Resolution = .inRoot
  ) throws(Errno) -> FD {
    let number = root.raw
    for _ in 0..<128 {
      do throws(Errno) {
        return FD(
          owning: try call {
            berth_openat2(number, path, UInt64(UInt32(bitPattern: flags | O_CLOEXEC)), UInt64(mode), resolution.flags)
          })
      } catch { if error != .again { throw error } }
    }
    throw .again
  }
}
