import Glibc

extension Files {
  /// Makes `bytes` the content of `path`, in place: the file stays the one that others have open or mounted. Made if it isn't there.
  /// A reader in between may see the new content with the rest of a longer old one behind it.
  public static func rewrite(_ bytes: [UInt8], to path: String, mode: mode_t = 0o600) throws(Errno) {
    let file = try open(path, O_WRONLY | O_CREAT, mode: mode)
    try file.writeAll(bytes)
    let number = file.raw
    try call { ftruncate(number, off_t(bytes.count)) }
  }
}

extension Files {
  /// A directory to look things up in, symlinks to it followed.
  public static func openDirectoryPath(_ path: String) throws(Errno) -> FD { try open(path, O_RDONLY | O_DIRECTORY) }

  /// Whether `name` in the directory is a regular file, or a link to one, that this process may execute.
  public static func isExecutable(at directory: borrowing FD, _ name: String) -> Bool {
    var buffer = stat()
    let number = directory.raw
    return fstatat(number, name, &buffer, 0) == 0 && buffer.st_mode & S_IFMT == S_IFREG && faccessat(number, name, X_OK, 0) == 0
  }
}
