import BerthArchive
import BerthCore
import BerthLinux

/// How containers get a file system of their own out of an image's layers.
public struct Snapshotter: Sendable, Hashable {
  /// What the node's configuration asks for.
  public enum Choice: String, Sendable, CaseIterable {
    /// `overlay` where it works, else `copy`.
    case automatic = "auto"
    case overlay
    case copy
  }

  public enum Kind: String, Sendable {
    /// overlayfs: layers are shared, a container's start costs nothing.
    case overlay
    /// Each container has a copy of all its image's files.
    case copy
  }

  public var kind: Kind
  /// Why it isn't overlayfs, where nobody asked for anything else.
  public var reason: String?
  /// In which form layers are unpacked here: the file system's doing, not the snapshotter's, so that a node can change between the two.
  var marks: LayerMarks

  /// Once layers were unpacked in that form here, they stay in it.
  private static let named = "named-marks"

  /// Looks what the file system of `directory`, that of the snapshots, can do. Throws `failedPrecondition` for an overlay that can't be.
  static func choose(_ choice: Choice, in directory: String) throws(BerthError) -> Snapshotter {
    let (refusal, marks): (String?, LayerMarks)
    do throws(Errno) { (refusal, marks) = try probe(directory, wantsOverlay: choice != .copy) } catch {
      throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "choose snapshotter", directory, cause: "\(error)")
    }
    switch choice {
    case .copy: return Snapshotter(kind: .copy, marks: marks)
    case .automatic: return Snapshotter(kind: refusal == nil ? .overlay : .copy, reason: refusal, marks: marks)
    case .overlay:
      guard let refusal else { return Snapshotter(kind: .overlay, marks: marks) }
      throw BerthError(
        .failedPrecondition, "choose snapshotter", directory,
        cause: "\(refusal); [snapshots] snapshotter = \"auto\" copies images instead")
    }
  }

  private static func probe(_ directory: String, wantsOverlay: Bool) throws(Errno) -> (refusal: String?, marks: LayerMarks) {
    let mark = "\(directory)/\(named)"
    if Files.exists(mark) { return ("its layers are unpacked in the form for copying", .names) }
    let place = "\(directory)/probe"
    try Files.removeTree(place)
    defer { try? Files.removeTree(place) }
    try Files.makeDirectory(place)
    if let refusal = try OverlayProbe.refusalOfMarks(place) {
      // Those that are here were unpacked in the other form.
      if (try? Files.list("\(directory)/l"))?.isEmpty == false { return (refusal, .overlay) }
      try Files.writeAtomically([], to: mark)
      return (refusal, .names)
    }
    return (wantsOverlay ? try OverlayProbe.refusal(place) : nil, .overlay)
  }

  /// In one line, for a log and for `berth doctor`.
  public var description: String {
    switch kind {
    case .overlay: "overlay: containers share their images' files"
    case .copy: "copy: every container gets a copy of its image's files" + (reason.map { " (\($0))" } ?? "")
    }
  }

  /// What it would be. For `berth doctor`: makes nothing that stays. `root`: the node's, which need not exist.
  public static func forecast(_ choice: Choice, root: String) throws(BerthError) -> Snapshotter {
    var directory = "\(root)/snapshots"
    while !Files.exists(directory), directory != "/" { directory = Files.parent(of: directory) }
    if Files.exists("\(directory)/\(named)") { return try choose(choice, in: directory) }
    let place = "\(directory)/.berth-doctor"
    try? Files.removeTree(place)
    defer { try? Files.removeTree(place) }
    do throws(Errno) { try Files.makeDirectory(place) } catch {
      throw BerthError(.unavailable, "choose snapshotter", directory, cause: "\(error)")
    }
    return try choose(choice, in: place)
  }
}
