import BerthCore
import BerthLinux

/// Puts the members of a tar stream below a directory that others may change meanwhile. Below it no symlink is followed: one that
/// stands where a directory is asked for is an error, one where a file is asked for is replaced. A file appears whole or not at all.
/// Directories stay as they are where they exist; nothing is ever removed but what a file or a symlink of the same name replaces.
public final class TreeReceiver {
  public struct Options: Sendable {
    /// Owner, set-id bits and the times of directories as the archive has them. Without it files belong to whoever copies.
    public var preserves = false
    /// What the first component of every name is replaced by: the one thing in the archive gets this name.
    public var name: PathBytes?
    public init() {}
  }

  private let root: FD
  private let options: Options
  /// The one that the last member was put into.
  private var current: LayerDirectory?
  private var times: [(path: [PathBytes], time: TreeFiles.Time)] = []
  /// What `Options.name` stands for.
  private var original: PathBytes?
  private var count: UInt64 = 0
  private let mark = UInt64.random(in: 0 ... .max)
  private static let depth = 256

  /// Takes over `root`, a descriptor of a directory, which may be an O_PATH one.
  public init(root: consuming FD, _ options: Options) {
    self.root = root
    self.options = options
  }

  /// Reads `tar` to its end.
  public func receive(_ tar: TarReader) throws(BerthError) {
    do throws(Errno) {
      if try OpenPath.isOfKernel(root) { throw .notSupported }
    } catch { throw CopyFailure.refused("it is a file system of the kernel's, where nothing can be put").wrapped(Array(".".utf8)) }
    while let entry = try tar.next() {
      do throws(CopyFailure) { try place(entry, tar) } catch { throw error.wrapped(entry.name) }
    }
    // Last: what is put into a directory changes its time.
    for (path, time) in times.reversed() {
      current = nil
      if let directory = try? open(path, making: false) { try? TreeFiles.setModified(directory.fd, time) }
    }
  }

  private func place(_ entry: TarEntry, _ tar: TarReader) throws(CopyFailure) {
    var path = try components(entry.name)
    guard let name = path.popLast() else {
      guard entry.kind == .directory else { throw .refused("the archive's root is no directory in it") }
      return
    }
    if entry.kind == .directory {
      let directory = try open(path + [name], making: true, mode: entry.mode & 0o777)
      guard options.preserves else { return }
      times.append((path + [name], entry.modified))
      try copying { () throws(Errno) in
        try TreeFiles.changeOwner(directory.fd, uid: entry.uid, gid: entry.gid)
        try TreeFiles.changeMode(directory.fd, mode: entry.mode)
      }
      return
    }
    let directory = try open(path, making: true)
    count &+= 1
    guard let temporary = PathBytes(Array(".berth-cp.\(String(mark, radix: 36)).\(count)".utf8)) else { throw .refused("no name") }
    do throws(CopyFailure) {
      try make(entry, tar, temporary, in: directory.fd)
      try copying { () throws(Errno) in try TreeFiles.rename(directory.fd, temporary, to: directory.fd, name) }
    } catch {
      try? TreeFiles.unlink(directory.fd, temporary)
      throw error
    }
    // A link to what is there already is left by the rename.
    if case .hardLink = entry.kind { try? TreeFiles.unlink(directory.fd, temporary) }
  }

  private func make(_ entry: TarEntry, _ tar: TarReader, _ name: PathBytes, in directory: borrowing FD) throws(CopyFailure) {
    switch entry.kind {
    case .file: try makeFile(entry, tar, name, in: directory)
    case .symlink(let target):
      guard let target = PathBytes(target), !target.isEmpty else { throw .refused("the symlink's target is empty or has a NUL in it") }
      do throws(Errno) {
        try TreeFiles.makeSymlink(directory, name, target: target)
        if options.preserves { try TreeFiles.changeOwner(directory, name, uid: entry.uid, gid: entry.gid) }
        try TreeFiles.setModified(directory, name, entry.modified)
      } catch { throw .system(error) }
    case .hardLink(let target):
      var path = try components(target)
      guard let targetName = path.popLast() else { throw .refused("it is a hard link to the archive's root") }
      let source = try walk(path, making: false, mode: 0)
      do throws(Errno) {
        // To a file alone: a device that stood there before isn't the archive's.
        guard try TreeFiles.status(source, targetName).kind == .regular else { throw Errno.notPermitted }
        try TreeFiles.makeHardLink(from: source, targetName, to: directory, name)
      } catch { throw .system(error) }
    case .directory: return
    case .characterDevice, .blockDevice, .fifo: throw .refused("devices and FIFOs aren't copied")
    }
  }

  private func makeFile(_ entry: TarEntry, _ tar: TarReader, _ name: PathBytes, in directory: borrowing FD) throws(CopyFailure) {
    let file = try copying { () throws(Errno) in try TreeFiles.createFile(directory, name, mode: 0o600) }
    var failure: Errno?
    do throws(BerthError) {
      try tar.content { (part) throws(BerthError) in
        if failure != nil { return }
        do throws(Errno) { try file.write(part) } catch { failure = error }
      }
    } catch { throw .stream(error) }
    do throws(Errno) {
      if let failure { throw failure }
      if options.preserves { try TreeFiles.changeOwner(file, uid: entry.uid, gid: entry.gid) }
      // After the owner, whose change clears set-id bits.
      try TreeFiles.changeMode(file, mode: entry.mode & (options.preserves ? 0o7777 : 0o777))
      try TreeFiles.setModified(file, entry.modified)
    } catch { throw .system(error) }
  }

  // MARK: the way there

  private func components(_ name: [UInt8]) throws(CopyFailure) -> [PathBytes] {
    guard name.count <= TarLimits.nameBytes, !name.contains(0) else { throw .refused("the name is too long or has a NUL in it") }
    var path: [PathBytes] = []
    for part in name.split(separator: UInt8(ascii: "/")) where !part.elementsEqual(".".utf8) {
      guard !part.elementsEqual("..".utf8) else { throw .refused("the name has .. in it") }
      guard part.count <= 255, let component = PathBytes(part) else { throw .refused("a component of the name is too long") }
      path.append(component)
    }
    guard path.count <= Self.depth else { throw .refused("it lies more than \(Self.depth) directories deep") }
    guard let name = options.name, let first = path.first else { return path }
    if original == nil { original = first }
    guard first == original else { throw .refused("the destination is no directory, and the archive holds more than one thing") }
    return [name] + path.dropFirst()
  }

  private func open(_ path: [PathBytes], making: Bool, mode: UInt32 = 0o755) throws(CopyFailure) -> LayerDirectory {
    if let current, current.path == path { return current }
    let directory = LayerDirectory(try walk(path, making: making, mode: mode), path: path)
    current = directory
    return directory
  }

  private func walk(_ path: [PathBytes], making: Bool, mode: UInt32) throws(CopyFailure) -> FD {
    var here = try copying { () throws(Errno) in try OpenPath.reader(of: root) }
    for (at, name) in path.enumerated() {
      do throws(Errno) {
        do throws(Errno) { here = try TreeFiles.openDirectory(here, name) } catch {
          guard error == .notFound, making else { throw error }
          try TreeFiles.makeDirectory(here, name, mode: at == path.count - 1 ? mode : 0o755)
          here = try TreeFiles.openDirectory(here, name)
        }
        if try OpenPath.isOfKernel(here) { throw .notSupported }
      } catch {
        let shown = PathBytes(joining: path[...at])
        switch error {
        case .loop, .notDirectory:
          throw .refused("\"\(shown)\" on the way to it is there already and no directory; symlinks aren't followed")
        case .notSupported: throw .refused("\"\(shown)\" on the way to it is a file system of the kernel's")
        default: throw .system(error)
        }
      }
    }
    return here
  }
}
