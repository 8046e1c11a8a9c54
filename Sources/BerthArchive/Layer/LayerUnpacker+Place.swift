import BerthCore
import BerthLinux

extension LayerUnpacker {
  func system<Result: ~Copyable>(_ body: () throws(Errno) -> Result) throws(LayerFailure) -> Result {
    do throws(Errno) { return try body() } catch { throw .system(error) }
  }

  /// Runs `create`, and once more after removing what has the name already.
  private func create<Result: ~Copyable>(
    _ name: PathBytes, in directory: LayerDirectory, _ make: () throws(Errno) -> Result
  ) throws(LayerFailure) -> Result {
    do throws(Errno) { return try make() } catch { if error != .exists { throw .system(error) } }
    try remove(name, in: directory)
    return try system(make)
  }

  /// Whatever it is. What is below a directory goes with it.
  private func remove(_ name: PathBytes, in directory: LayerDirectory) throws(LayerFailure) {
    current = nil
    try system { () throws(Errno) in try TreeFiles.removeTree(directory.fd, name) }
  }

  func placeFile(_ entry: TarEntry, _ tar: TarReader, _ name: PathBytes, in directory: LayerDirectory) throws(LayerFailure) {
    let file = try create(name, in: directory) { () throws(Errno) in
      // Set-id bits come after the owner, whose change clears them.
      try TreeFiles.createFile(directory.fd, name, mode: entry.mode & 0o777)
    }
    do throws(BerthError) {
      try tar.content { (part) throws(BerthError) in
        do throws(Errno) { try file.write(part) } catch { throw LayerFailure.system(error).wrapped(member: name.description) }
      }
    } catch { throw .archive(error) }
    result.bytes += entry.size
    try applyMetadata(entry, to: file)
    try system { () throws(Errno) in try TreeFiles.setModified(file, entry.modified) }
  }

  /// Owner, set-id bits and extended attributes of an open file or directory.
  private func applyMetadata(_ entry: TarEntry, to file: borrowing FD, always: Bool = false) throws(LayerFailure) {
    do throws(Errno) {
      // New files are root's, as most in an image are. A set-group-id directory hands its group on, so that it can't be taken for granted.
      if always || entry.uid != 0 || entry.gid != 0 || inheritsGroup { try TreeFiles.changeOwner(file, uid: entry.uid, gid: entry.gid) }
      if always || entry.mode & 0o7000 != 0 { try TreeFiles.changeMode(file, mode: entry.mode) }
    } catch { throw .system(error) }
    for attribute in entry.attributes {
      guard let name = Self.permitted(attribute) else { continue }
      do throws(Errno) { try TreeFiles.setAttribute(file, name, attribute.value) } catch { try Self.tolerate(error, name) }
    }
  }

  /// The attribute's name, if layers may set it: user data, ACLs and file capabilities. Never what steers overlayfs, another
  /// security module or a privileged daemon.
  static func permitted(_ attribute: TarEntry.Attribute) -> PathBytes? {
    guard let name = PathBytes(attribute.name) else { return nil }
    let isUser = name.bytes.starts(with: "user.".utf8) && !name.bytes.starts(with: "user.overlay.".utf8)
    let isKnown = ["security.capability", "system.posix_acl_access", "system.posix_acl_default"].contains {
      name.bytes.elementsEqual($0.utf8)
    }
    return isUser || isKnown ? name : nil
  }

  /// A file system without user attributes or ACLs loses those; a capability that can't be set would change what a program may do.
  private static func tolerate(_ error: Errno, _ name: PathBytes) throws(LayerFailure) {
    guard error == .notSupported, !name.bytes.starts(with: "security.".utf8) else { throw .system(error) }
  }

  func placeDirectory(_ entry: TarEntry, _ name: PathBytes, in directory: LayerDirectory) throws(LayerFailure) {
    let path = directory.path + [name]
    try makeDirectory(name, in: directory)
    let own = try system { () throws(Errno) in try TreeFiles.openDirectory(directory.fd, name) }
    try applyMetadata(entry, to: own, always: true)
    if entry.mode & 0o2000 != 0 { inheritsGroup = true }
    times.append((path, entry.modified))
    if implied.count > 1 { implied.remove(PathBytes(joining: path)) }
  }

  /// A directory of that name, empty or as it is. In place of a whiteout of this same layer it hides what is below.
  func makeDirectory(_ name: PathBytes, in directory: LayerDirectory) throws(LayerFailure) {
    do throws(Errno) { return try TreeFiles.makeDirectory(directory.fd, name, mode: 0o755) } catch {
      if error != .exists { throw .system(error) }
    }
    let status = try system { () throws(Errno) in try TreeFiles.status(directory.fd, name) }
    if status.kind == .directory { return }
    try remove(name, in: directory)
    try system { () throws(Errno) in try TreeFiles.makeDirectory(directory.fd, name, mode: 0o755) }
    if status.isWhiteout { try makeOpaque(try system { () throws(Errno) in try TreeFiles.openDirectory(directory.fd, name) }) }
  }

  func placeSymlink(_ entry: TarEntry, _ target: [UInt8], _ name: PathBytes, in directory: LayerDirectory) throws(LayerFailure) {
    guard let target = PathBytes(target), !target.isEmpty, target.count < TarLimits.nameBytes else {
      throw .refused("the symlink's target is empty, too long or has a NUL in it")
    }
    try create(name, in: directory) { () throws(Errno) in try TreeFiles.makeSymlink(directory.fd, name, target: target) }
    try applyByName(entry, name, in: directory, hasMode: false)
  }

  func placeNode(_ node: TreeFiles.Node, _ entry: TarEntry, _ name: PathBytes, in directory: LayerDirectory) throws(LayerFailure) {
    try create(name, in: directory) { () throws(Errno) in try TreeFiles.makeNode(directory.fd, name, node, mode: entry.mode & 0o777) }
    try applyByName(entry, name, in: directory, hasMode: true)
  }

  private func applyByName(_ entry: TarEntry, _ name: PathBytes, in directory: LayerDirectory, hasMode: Bool) throws(LayerFailure) {
    do throws(Errno) {
      if entry.uid != 0 || entry.gid != 0 || inheritsGroup { try TreeFiles.changeOwner(directory.fd, name, uid: entry.uid, gid: entry.gid) }
      if hasMode, entry.mode & 0o7000 != 0 { try TreeFiles.changeMode(directory.fd, name, mode: entry.mode) }
      try TreeFiles.setModified(directory.fd, name, entry.modified)
    } catch { throw .system(error) }
    for attribute in entry.attributes {
      // User attributes exist on files and directories only.
      guard let attributeName = Self.permitted(attribute), !attributeName.bytes.starts(with: "user.".utf8) else { continue }
      do throws(Errno) { try TreeFiles.setAttribute(directory.fd, name, attributeName, attribute.value) } catch {
        try Self.tolerate(error, attributeName)
      }
    }
  }

  func placeHardLink(_ target: [UInt8], _ name: PathBytes, in directory: LayerDirectory) throws(LayerFailure) {
    var path = try components(target)
    guard let targetName = path.popLast() else { throw .refused("it is a hard link to the layer's root") }
    let shown = PathBytes(joining: path + [targetName])
    guard !targetName.bytes.starts(with: LayerMarks.prefix) else { throw .refused("it is a hard link to the whiteout \"\(shown)\"") }
    let source: LayerDirectory
    let status: FileStatus
    do throws(LayerFailure) {
      source = try open(path, creating: false)
      status = try system { () throws(Errno) in try TreeFiles.status(source.fd, targetName) }
    } catch {
      if case .system(.notFound) = error { throw .refused("it is a hard link to \"\(shown)\", which this layer doesn't hold before it") }
      throw error
    }
    guard status.kind != .directory, !status.isWhiteout else { throw .refused("it is a hard link to \"\(shown)\", which can't be linked") }
    // A link to itself would be removed before it is made.
    if source.path == directory.path, targetName == name { return }
    try create(name, in: directory) { () throws(Errno) in try TreeFiles.makeHardLink(from: source.fd, targetName, to: directory.fd, name) }
  }

  func placeWhiteout(_ name: PathBytes, in path: [PathBytes]) throws(LayerFailure) {
    if name == LayerMarks.opaqueName { return try makeOpaque(try open(path).fd.duplicated()) }
    // The rest of this prefix is bookkeeping of AUFS, which other image tools leave out too.
    if name.bytes.starts(with: ".wh..wh.".utf8) { return }
    guard let hidden = PathBytes(name.bytes.dropFirst(4)), !hidden.isEmpty, !hidden.bytes.elementsEqual(".".utf8),
      !hidden.bytes.elementsEqual("..".utf8)
    else { throw .refused("it is a whiteout of no name") }
    let directory = try open(path)
    // Whiteouts hide what is below, never what the same layer brings. A name beside it does just that.
    if marks == .names { return try system { () throws(Errno) in try LayerMarks.touch(directory.fd, name) } }
    do throws(Errno) { return try TreeFiles.makeNode(directory.fd, hidden, .whiteout, mode: 0) } catch {
      if error != .exists { throw .system(error) }
    }
    // What is there hides a file anyway, and a directory if it is opaque.
    let status = try system { () throws(Errno) in try TreeFiles.status(directory.fd, hidden) }
    if status.kind == .directory { try makeOpaque(try system { () throws(Errno) in try TreeFiles.openDirectory(directory.fd, hidden) }) }
  }

  private func makeOpaque(_ directory: borrowing FD) throws(LayerFailure) {
    do throws(Errno) { try marks.makeOpaque(directory) } catch { throw .system(error) }
  }

  func applyToRoot(_ entry: TarEntry) throws(LayerFailure) {
    guard entry.kind == .directory else { throw .refused("the layer's root is no directory in it") }
    try applyMetadata(entry, to: root, always: true)
    if entry.mode & 0o2000 != 0 { inheritsGroup = true }
    times.append(([], entry.modified))
    implied.remove(PathBytes(joining: []))
  }
}

extension FileStatus {
  /// overlayfs' mark for "removed here".
  var isWhiteout: Bool { kind == .characterDevice && rdev == 0 }
}

extension FD {
  fileprivate borrowing func duplicated() throws(LayerFailure) -> FD {
    do throws(Errno) { return try duplicate() } catch { throw .system(error) }
  }
}
