import CBerthSys
import Glibc

/// Mounts that are part of no mount namespace yet: whoever holds the descriptor can read them, and attach them once.
/// Source: fsopen(2), open_tree(2), move_mount(2).
public enum DetachedMount {
  /// What an overlay is made of: open directories, the topmost layer first.
  public struct OverlayLayers: ~Copyable {
    /// The lower directories, then the upper and the work one.
    let numbers: [Int32]

    /// Opens all of them; throws with the path that failed.
    public init(lower: [String], upper: String, work: String) throws(PathError) {
      var numbers: [Int32] = []
      for path in lower + [upper, work] {
        do throws(Errno) { numbers.append(try Files.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).release()) } catch {
          for number in numbers { close(number) }
          throw PathError(path: path, error: error)
        }
      }
      self.numbers = numbers
    }

    deinit { for number in numbers { close(number) } }
  }

  /// A failed call and the path that it was about.
  public struct PathError: Error, Sendable, Hashable {
    public var path: String
    public var error: Errno
  }

  /// An overlay of `layers`. Throws EINVAL or, before 6.5, EOPNOTSUPP, before anything is made, where the kernel doesn't take layers by
  /// descriptor (before 6.13).
  public static func overlay(_ layers: borrowing OverlayLayers) throws(Errno) -> FD {
    let context = FD(owning: try call { berth_fsopen("overlay") })
    let number = context.raw
    try call { berth_fsconfig_string(number, "source", "overlay") }
    for (at, layer) in layers.numbers.enumerated() {
      let key = at < layers.numbers.count - 2 ? "lowerdir+" : at < layers.numbers.count - 1 ? "upperdir" : "workdir"
      try call { berth_fsconfig_fd(number, key, layer) }
    }
    return FD(owning: try call { berth_fsmount(number, 0) })
  }

  /// As `overlay`, by mount(2) and its one page of options. The calling process gets a mount namespace of its own: for short-lived
  /// processes with one thread. `at` is any directory.
  public static func overlayByOptions(lower: [String], upper: String, work: String, at: String) throws(Errno) -> FD {
    let options = "lowerdir=\(lower.map(escaped).joined(separator: ":")),upperdir=\(escaped(upper)),workdir=\(escaped(work))"
    guard options.utf8.count < 4096 else { throw Errno(E2BIG) }
    try call { berth_unshare_mounts() }
    try call { Glibc.mount("overlay", at, "overlay", 0, options) }
    return try copy(at, recursive: false)
  }

  /// In overlay's options `\`, `:` and `,` have a meaning.
  static func escaped(_ path: String) -> String {
    var text = ""
    for character in path.unicodeScalars {
      if character == "\\" || character == ":" || character == "," { text.append("\\") }
      text.unicodeScalars.append(character)
    }
    return text
  }

  /// A private copy of what is mounted at `path`, which must not be a symlink.
  public static func copy(_ path: String, recursive: Bool) throws(Errno) -> FD {
    let tree = FD(owning: try call { berth_clone_tree(path, recursive ? 1 : 0) })
    let number = tree.raw
    try call { berth_make_private(number) }
    return tree
  }
}
