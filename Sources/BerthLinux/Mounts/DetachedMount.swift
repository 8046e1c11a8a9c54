import CBerthSys
import Glibc

/// Mounts that are part of no mount namespace yet: whoever holds the descriptor can read them, and attach them once.
/// Source: fsopen(2), open_tree(2), move_mount(2).
public enum DetachedMount {
  /// Where an overlay is written to: directories of one file system.
  public struct Writable: Sendable, Hashable {
    public var upper: String
    public var work: String
    public init(upper: String, work: String) {
      self.upper = upper
      self.work = work
    }
  }

  /// What an overlay is made of: open directories, the topmost layer first.
  public struct OverlayLayers: ~Copyable {
    /// The lower directories, then the upper and the work one, if there are such.
    let numbers: [Int32]
    let lowerCount: Int
    /// Mounts that the lower ones are open in.
    private let trees: [Int32]

    /// Opens all of them; throws with the path that failed. Without `writable` (then of two layers at least) nothing can be written.
    /// `map`: a user namespace whose ids the lower ones are to show.
    public init(lower: [String], writable: Writable?, map: Int32? = nil) throws(PathError) {
      lowerCount = lower.count
      var numbers: [Int32] = []
      var trees: [Int32] = []
      for (at, path) in (lower + (writable.map { [$0.upper, $0.work] } ?? [])).enumerated() {
        do throws(Errno) {
          let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
          if let map, at < lower.count {
            let tree = try DetachedMount.mapped(path, by: map)
            numbers.append(try Files.open(at: tree, ".", flags).release())
            trees.append(tree.release())
          } else {
            numbers.append(try Files.open(path, flags).release())
          }
        } catch {
          for number in numbers + trees { close(number) }
          throw PathError(path: path, error: error)
        }
      }
      (self.numbers, self.trees) = (numbers, trees)
    }

    deinit { for number in numbers + trees { close(number) } }
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
      let key = at < layers.lowerCount ? "lowerdir+" : at == layers.lowerCount ? "upperdir" : "workdir"
      try call { berth_fsconfig_fd(number, key, layer) }
    }
    return FD(owning: try call { berth_fsmount(number, 0) })
  }

  /// As `overlay`, by mount(2) and its one page of options. The calling process gets a mount namespace of its own: for short-lived
  /// processes with one thread. `at` is any directory, the rest as for `OverlayLayers`.
  public static func overlayByOptions(lower: [String], writable: Writable?, map: Int32? = nil, at: String) throws(Errno) -> FD {
    var options = "lowerdir=\(lower.map(escaped).joined(separator: ":"))"
    if let writable { options += ",upperdir=\(escaped(writable.upper)),workdir=\(escaped(writable.work))" }
    guard options.utf8.count < 4096 else { throw Errno(E2BIG) }
    try call { berth_unshare_mounts() }
    // Over themselves, where nobody else sees them.
    if let map {
      for path in lower {
        let tree = try mapped(path, by: map).release()
        try call { berth_attach_tree(tree, path) }
      }
    }
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
