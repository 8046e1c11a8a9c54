import Glibc

extension TreeFiles {
  /// Removes `name` in `directory` and all below it; one that isn't there is fine. The tree may have been made by somebody hostile: no
  /// symlink is followed, and a tree deeper than any path or descriptor limit costs no more than a flat one, because every directory
  /// that isn't empty is first moved up to just below the tree's root. Interrupted, it goes on where it was when called again.
  public static func removeTree(_ directory: borrowing FD, _ name: PathBytes) throws(Errno) {
    do throws(Errno) { try unlink(directory, name) } catch {
      if error == .notFound { return }
      guard error == Errno(EISDIR) || error == .notPermitted else { throw error }
      try empty(try openDirectory(directory, name))
      try removeDirectory(directory, name)
    }
  }

  /// Removes all that is in `top`, not `top` itself.
  public static func empty(_ top: borrowing FD) throws(Errno) {
    var serial = 0
    // Every round removes the directories that it finds just below the top, and leaves there those that were in them.
    while true {
      let names = try list(top)
      if names.isEmpty { return }
      for name in names where try !removeShallow(top, name) {
        let child = try openDirectory(top, name)
        for inner in try list(child) where try !removeShallow(child, inner) {
          serial += 1
          try moveUp(child, inner, to: top, serial: &serial)
        }
        try removeDirectory(top, name)
      }
    }
  }

  /// Whether the entry is gone; false for a directory that isn't empty.
  private static func removeShallow(_ directory: borrowing FD, _ name: PathBytes) throws(Errno) -> Bool {
    do throws(Errno) {
      try unlink(directory, name)
      return true
    } catch { if error != Errno(EISDIR) && error != .notPermitted { throw error } }
    do throws(Errno) {
      try removeDirectory(directory, name)
      return true
    } catch {
      if error == .notEmpty || error == .exists { return false }
      throw error
    }
  }

  private static func moveUp(_ child: borrowing FD, _ name: PathBytes, to top: borrowing FD, serial: inout Int) throws(Errno) {
    while true {
      guard let free = PathBytes("rm-\(serial)".utf8) else { throw .invalid }
      // rename(2) replaces an empty directory, which is as good; anything else that has the name makes it fail.
      do throws(Errno) { return try rename(child, name, to: top, free) } catch {
        guard error == .notEmpty || error == .exists || error == .notDirectory else { throw error }
        serial += 1
      }
    }
  }
}
