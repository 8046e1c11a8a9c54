import Glibc

/// What a directory tree occupies.
public struct TreeUsage: Sendable, Hashable {
  /// On disk, in bytes; files with several names once.
  public var bytes: Int64 = 0
  public var inodes: Int64 = 0

  public init() {}

  private struct Inode: Hashable {
    var device: UInt64
    var inode: UInt64
  }

  /// Of the tree below `directory`, itself included. Follows no symlink; what vanishes meanwhile isn't counted.
  public static func of(_ directory: borrowing FD) throws(Errno) -> TreeUsage {
    var usage = TreeUsage()
    var seen: Set<Inode> = []
    usage.count(try directory.status(), &seen)
    try usage.add(directory, &seen, depth: 0)
    return usage
  }

  private mutating func count(_ status: FileStatus, _ seen: inout Set<Inode>) {
    if status.kind != .directory, status.links > 1 {
      guard seen.insert(Inode(device: status.device, inode: status.inode)).inserted else { return }
    }
    bytes &+= status.allocatedBytes
    inodes += 1
  }

  /// What lies deeper isn't counted: a container may have made any tree.
  private static let depth = 512

  private mutating func add(_ directory: borrowing FD, _ seen: inout Set<Inode>, depth: Int) throws(Errno) {
    for name in try TreeFiles.list(directory) {
      guard let status = try? TreeFiles.status(directory, name) else { continue }
      count(status, &seen)
      guard status.kind == .directory, depth < Self.depth, let child = try? TreeFiles.openDirectory(directory, name) else { continue }
      try add(child, &seen, depth: depth + 1)
    }
  }
}
