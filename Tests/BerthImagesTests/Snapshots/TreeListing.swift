import BerthLinux
import Glibc

/// Everything below a directory, a line an entry, as a container sees it.
enum TreeListing {
  static func of(_ root: String) throws -> [String] {
    var lines: [String] = []
    try add(try Files.open(root, O_RDONLY | O_DIRECTORY), ".", &lines)
    return lines
  }

  private static func add(_ directory: borrowing FD, _ path: String, _ lines: inout [String]) throws {
    let own = try directory.status()
    lines.append("\(path)/ \(looks(own)) \(try attributes(try TreeFiles.attributes(directory)) { try TreeFiles.attribute(directory, $0) })")
    for name in try TreeFiles.list(directory).sorted(by: { $0.description < $1.description }) {
      let status = try TreeFiles.status(directory, name)
      let here = "\(path)/\(name)"
      if status.kind == .directory {
        try add(try TreeFiles.openDirectory(directory, name), here, &lines)
        continue
      }
      var line = "\(here) \(looks(status)) links=\(status.links)"
      switch status.kind {
      case .regular:
        line += " \"\(String(decoding: try TreeFiles.openFile(directory, name).readAll(limit: 1 << 20).prefix(40), as: UTF8.self))\""
      case .symlink: line += " -> \(try TreeFiles.readLink(directory, name))"
      default: line += " \(status.kind) \(status.rdev)"
      }
      let values = try attributes(try TreeFiles.attributes(directory, name)) { try TreeFiles.attribute(directory, name, $0) }
      lines.append("\(line) \(values)")
    }
  }

  private static func looks(_ status: FileStatus) -> String {
    "\(String(status.permissions, radix: 8)) \(status.uid):\(status.gid) \(status.modifiedNanoseconds / 1_000_000_000)"
  }

  /// overlayfs keeps its own to itself, but not those of the layer below in a test's mount.
  private static func attributes(_ names: [PathBytes], _ value: (PathBytes) throws -> [UInt8]?) throws -> [String] {
    try names.map(\.description).filter { !$0.hasPrefix("trusted.") }.sorted().map { name in
      "\(name)=\(try PathBytes(name.utf8).flatMap(value) ?? [])"
    }
  }
}
