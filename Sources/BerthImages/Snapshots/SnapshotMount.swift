/// A container's root file system, ready to be used.
public enum SnapshotMount: Sendable, Hashable {
  /// Read-only layers, the topmost first, below one directory of the container's own; `work` is overlayfs' own, empty.
  case overlay(lower: [String], upper: String, work: String)
  /// A directory of the container's own.
  case directory(String)
}

/// An image's files, to be read only.
public enum ImageTree: Sendable, Hashable {
  /// Directories to be stacked, the topmost first, two at least.
  case layers([String])
  case directory(String)
}
