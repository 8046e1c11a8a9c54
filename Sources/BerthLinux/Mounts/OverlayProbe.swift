import CBerthSys
import Glibc

/// Whether overlayfs can be written on a file system. Nothing is attached anywhere.
public enum OverlayProbe {
  /// nil if it can: with an upper directory in `directory`, an empty one of the caller's to throw away afterwards. Else why not.
  public static func refusal(_ directory: String) throws(Errno) -> String? {
    for name in ["lower", "upper", "work"] { try Files.makeDirectory("\(directory)/\(name)") }
    let lower = try open("\(directory)/lower")
    let upper = try open("\(directory)/upper")
    let work = try open("\(directory)/work")
    let context: FD
    do throws(Errno) { context = FD(owning: try call { berth_fsopen("overlay") }) } catch {
      return error == .noDevice ? "the kernel has no overlayfs (modprobe overlay)" : "overlayfs can't be used: \(error)"
    }
    let number = context.raw
    do throws(Errno) {
      try call { berth_fsconfig_string(number, "source", "overlay") }
      // By name in /proc: kernels before 6.13 take no descriptors, and a path would be cut at 256 bytes.
      for (key, fd) in [("lowerdir", lower.raw), ("upperdir", upper.raw), ("workdir", work.raw)] {
        try call { berth_fsconfig_string(number, key, "/proc/self/fd/\(fd)") }
      }
      // Else ending it would wait for all that the file system has to write.
      try call { berth_fsconfig_flag(number, "volatile") }
      _ = FD(owning: try call { berth_fsmount(number, 0) })
    } catch {
      if isPassing(error) { throw error }
      return "overlayfs can't be written on its file system: \(error)"
    }
    return nil
  }

  /// nil if the file system holds what overlayfs marks removals with: 0:0 devices and `trusted.` attributes. Else why not.
  public static func refusalOfMarks(_ directory: String) throws(Errno) -> String? {
    let fd = try open(directory)
    do throws(Errno) { try TreeFiles.makeNode(fd, PathBytes("whiteout"), .whiteout, mode: 0) } catch {
      if isPassing(error) { throw error }
      return "its file system holds no whiteouts: \(error)"
    }
    do throws(Errno) { try TreeFiles.setAttribute(fd, PathBytes("trusted.overlay.opaque"), "y".utf8) } catch {
      if isPassing(error) { throw error }
      return "its file system holds no trusted attributes: \(error)"
    }
    return nil
  }

  /// Says nothing of what the file system can do.
  private static func isPassing(_ error: Errno) -> Bool {
    [.noSpace, .quotaExceeded, .outOfMemory, .tooManyFiles, Errno(ENFILE), Errno(EIO), Errno(EROFS)].contains(error)
  }

  private static func open(_ path: String) throws(Errno) -> FD { try Files.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) }
}
