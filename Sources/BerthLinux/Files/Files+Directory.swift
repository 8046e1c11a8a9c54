import Glibc

extension Files {
  /// A directory, not through a symlink at its end.
  public static func openDirectory(_ path: String) throws(Errno) -> FD { try open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) }
}
