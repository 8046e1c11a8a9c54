import BerthArchive
import BerthCore
import BerthLinux

/// A directory's tree as a tar stream: names sorted, so that the same tree gives the same layer.
public final class DirectoryLayer {
  private let tar: TarWriter
  /// First names of files with several.
  private var seen: [Inode: [UInt8]] = [:]
  private struct Inode: Hashable {
    var device: UInt64
    var inode: UInt64
  }

  private init(_ tar: TarWriter) { self.tar = tar }

  /// Writes all of `path` but the directory itself.
  public static func write(_ path: String, to tar: TarWriter) throws(BerthError) {
    let root: FD
    do throws(Errno) { root = try Files.open(path, ContentFlags.directory) } catch {
      throw BerthError(error == .notFound ? .notFound : .unavailable, "make layer", path, cause: "\(error)")
    }
    try DirectoryLayer(tar).writeAll(root, prefix: [])
  }

  private func system<Result: ~Copyable>(_ path: [UInt8], _ body: () throws(Errno) -> Result) throws(BerthError) -> Result {
    do throws(Errno) { return try body() } catch {
      throw BerthError(.unavailable, "make layer", String(decoding: path, as: UTF8.self), cause: "\(error)")
    }
  }

  private func writeAll(_ directory: borrowing FD, prefix: [UInt8]) throws(BerthError) {
    let names = try list(directory, prefix)
    for name in names.sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
      try write(name, in: directory, path: prefix + name.bytes)
    }
  }

  private func list(_ directory: borrowing FD, _ path: [UInt8]) throws(BerthError) -> [PathBytes] {
    try system(path) { () throws(Errno) in try TreeFiles.list(directory) }
  }

  private func write(_ name: PathBytes, in directory: borrowing FD, path: [UInt8]) throws(BerthError) {
    let status = try system(path) { () throws(Errno) in try TreeFiles.status(directory, name) }
    guard let kind = try kind(status, name, directory, path) else { return }
    var entry = TarEntry(
      name: kind == .directory ? path + [UInt8(ascii: "/")] : path, kind: kind, mode: status.permissions, uid: status.uid, gid: status.gid,
      modified: TreeFiles.Time(seconds: status.modifiedNanoseconds / 1_000_000_000))
    switch kind {
    case .file:
      let file = try system(path) { () throws(Errno) in try TreeFiles.openFile(directory, name) }
      entry.attributes = try attributes(file, path)
      entry.size = status.size
      try tar.begin(entry)
      try writeContent(file, status.size, path)
    case .directory:
      let own = try system(path) { () throws(Errno) in try TreeFiles.openDirectory(directory, name) }
      entry.attributes = try attributes(own, path)
      try tar.begin(entry)
      try writeAll(own, prefix: path + [UInt8(ascii: "/")])
    default: try tar.begin(entry)
    }
  }

  /// nil for a socket, which no archive holds.
  private func kind(_ status: FileStatus, _ name: PathBytes, _ directory: borrowing FD, _ path: [UInt8]) throws(BerthError) -> TarEntry
    .Kind?
  {
    if status.kind != .directory, status.links > 1 {
      let inode = Inode(device: status.device, inode: status.inode)
      if let first = seen[inode] { return .hardLink(target: first) }
      seen[inode] = path
    }
    switch status.kind {
    case .regular: return .file
    case .directory: return .directory
    case .symlink: return .symlink(target: Array(try system(path) { () throws(Errno) in try TreeFiles.readLink(directory, name) }.bytes))
    case .fifo: return .fifo
    case .characterDevice: return .characterDevice(major: status.deviceNumber.major, minor: status.deviceNumber.minor)
    case .blockDevice: return .blockDevice(major: status.deviceNumber.major, minor: status.deviceNumber.minor)
    case .socket, .unknown: return nil
    }
  }

  private func attributes(_ file: borrowing FD, _ path: [UInt8]) throws(BerthError) -> [TarEntry.Attribute] {
    var attributes: [TarEntry.Attribute] = []
    let names = try system(path) { () throws(Errno) in try TreeFiles.attributes(file) }
    for name in names where name.bytes.starts(with: "user.".utf8) || name.bytes.elementsEqual("security.capability".utf8) {
      guard let value = try system(path, { () throws(Errno) in try TreeFiles.attribute(file, name) }) else { continue }
      attributes.append(TarEntry.Attribute(name: Array(name.bytes), value: value))
    }
    return attributes.sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }

  private func writeContent(_ file: borrowing FD, _ size: Int64, _ path: [UInt8]) throws(BerthError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    defer { buffer.deallocate() }
    var left = size
    while left > 0 {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(Int(clamping: min(left, Int64(buffer.count)))))
      let count = try system(path) { () throws(Errno) in try file.read(into: part) }
      guard count > 0 else {
        throw BerthError(.unavailable, "make layer", String(decoding: path, as: UTF8.self), cause: "it became shorter while it was read")
      }
      try tar.write(UnsafeRawBufferPointer(rebasing: part[..<count]))
      left -= Int64(count)
    }
  }
}

extension FileStatus {
  /// Of a device node. Source: makedev(3).
  fileprivate var deviceNumber: (major: UInt32, minor: UInt32) {
    (
      UInt32(truncatingIfNeeded: (rdev >> 8) & 0xfff | (rdev >> 32) & 0xffff_f000),
      UInt32(truncatingIfNeeded: rdev & 0xff | (rdev >> 12) & 0xffff_ff00)
    )
  }
}
