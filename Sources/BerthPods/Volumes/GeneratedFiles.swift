import BerthCore
import BerthLinux
import BerthManifest

/// The files of a config or secret volume, in its folder. Containers have them read-only: what differs was changed by the node's hand.
struct GeneratedFiles {
  /// As this process reaches it.
  var folder: String
  var set: FileSet
  /// Permission bits of each.
  var mode: UInt32
  var owner: VolumeOwner

  init(_ volume: VolumeSpec, _ set: FileSet, folder: String, fsGroup: UInt32?) {
    self.folder = folder
    self.set = set
    let readable: UInt32 = fsGroup == nil ? 0 : 0o040
    mode = (volume.mode ?? (volume.source.isSecret ? 0o600 : 0o644)) | readable
    owner = VolumeOwner(uid: volume.owner?.uid ?? 0, gid: fsGroup ?? volume.owner?.gid ?? 0)
  }

  /// Writes what differs and takes away what doesn't belong there. Each file changes as one step.
  func write() throws(Errno) {
    let contents = set.contents
    for name in try Files.list(folder) where contents[name] == nil { try Files.removeTree("\(folder)/\(name)") }
    for (name, content) in contents.sorted(by: { $0.key < $1.key }) where differs(name, content) { try write(name, content) }
  }

  private func write(_ name: String, _ content: FileContent) throws(Errno) {
    let path = "\(folder)/\(name)"
    // What a name has become may not be a file any more.
    if let status = try? Files.linkStatus(path), status.kind != .regular { try Files.removeTree(path) }
    // Out of sight until it has its mode and owner.
    let draft = "\(folder)/.\(name.utf8.count < 200 ? name : "draft").new"
    try Files.unlink(draft)
    try Files.writeAtomically(content.bytes, to: draft, mode: 0o600)
    try Files.setOwner(draft, uid: owner.uid, gid: owner.gid)
    try Files.setMode(draft, mode)
    try Files.rename(draft, to: path)
  }

  private func differs(_ name: String, _ content: FileContent) -> Bool {
    let path = "\(folder)/\(name)"
    guard let status = try? Files.linkStatus(path), status.kind == .regular, status.permissions == mode, status.uid == owner.uid,
      status.gid == owner.gid, status.size == Int64(content.bytes.count)
    else { return true }
    return (try? Files.read(path, limit: content.bytes.count + 1)) != content.bytes
  }

  /// Names of files that are missing, changed or too many.
  func drifted() -> [String] {
    let contents = set.contents
    let strangers = ((try? Files.list(folder)) ?? []).filter { contents[$0] == nil }
    return (contents.filter { differs($0.key, $0.value) }.map(\.key) + strangers).sorted()
  }
}
