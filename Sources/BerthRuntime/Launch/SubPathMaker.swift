import BerthCore
import BerthLinux
import BerthOCI

/// Makes the part of a volume that a container asks for, where it isn't there. Nothing that a container put into the volume leads out of
/// it: each component is made in, and resolved below, the volume's own root.
enum SubPathMaker {
  static func make(_ request: LaunchRequest, _ spec: RuntimeSpec) throws(BerthError) {
    for destination in request.creatableSubPaths {
      guard let path = request.subPaths[destination], let source = spec.mounts.first(where: { $0.destination == destination })?.source
      else { continue }
      do throws(Errno) { try make(path, in: source) } catch {
        throw error.wrapped("make sub_path \(path) of the volume at \(destination)", request.id)
      }
    }
  }

  private static func make(_ path: String, in volume: String) throws(Errno) {
    let root = try Files.open(volume, FileFlags.read | FileFlags.directory)
    if (try? Rooted.openPath(root, path)) != nil { return }
    // As the volume itself: whoever may use that may use its parts.
    let model = try root.status()
    var done = ""
    for part in path.split(separator: "/") where part != "." {
      let parent = done.isEmpty ? try root.duplicate() : try Rooted.open(root, done, FileFlags.read | FileFlags.directory)
      guard let name = PathBytes(part.utf8) else { throw .invalid }
      do throws(Errno) {
        try TreeFiles.makeDirectory(parent, name, mode: 0o700)
        let made = try TreeFiles.openDirectory(parent, name)
        try TreeFiles.changeOwner(made, uid: model.uid, gid: model.gid)
        try TreeFiles.changeMode(made, mode: model.permissions)
      } catch { if error != .exists { throw error } }
      done += done.isEmpty ? String(part) : "/\(part)"
    }
  }
}
