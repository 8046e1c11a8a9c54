import BerthCore
import BerthLinux

extension LayerUnpacker {
  /// The most symlinks on one way, as in the kernel.
  private static let hops = 40

  /// The directory that `path` leads to, made where it is missing.
  func open(_ path: [PathBytes], creating: Bool = true) throws(LayerFailure) -> LayerDirectory {
    if let current, current.path == path { return current.directory }
    let directory = if let real = try openReal(path) { real } else { try walk(path, creating: creating) }
    current = (path, directory)
    return directory
  }

  /// In one call where all of it exists and no component is a symlink; else nil.
  private func openReal(_ path: [PathBytes]) throws(LayerFailure) -> LayerDirectory? {
    do throws(Errno) { return LayerDirectory(try TreeFiles.openDirectory(below: root, path: PathBytes(joining: path)), path: path) } catch {
      guard [.notFound, .notDirectory, .loop].contains(error) else { throw .system(error) }
      return nil
    }
  }

  private func walk(_ path: [PathBytes], creating: Bool) throws(LayerFailure) -> LayerDirectory {
    var pending = Array(path.reversed())
    var here = try openRoot()
    var hops = 0
    while let name = pending.popLast() {
      if name.bytes.elementsEqual("..".utf8) {
        // Only a symlink's target has it, and `here` is real: its parent is one component less.
        guard !here.path.isEmpty else { throw .refused("a symlink on the way to it leads out of the layer") }
        here = try reopen(here.path.dropLast())
        continue
      }
      switch try enter(name, from: here) {
      case .directory(let next):
        here = next
        continue
      case .other:
        guard let target = try link(name, in: here) else { break }
        hops += 1
        guard hops <= Self.hops else { throw .refused("more than \(Self.hops) symlinks are on the way to it") }
        pending += try follow(target, of: name, in: here).reversed()
        guard here.path.count + pending.count <= limits.depth else {
          throw .refused("its directory has more than \(limits.depth) components")
        }
        continue
      case .missing: break
      }
      guard creating else { throw .system(.notFound) }
      try imply(name, in: here)
      guard case .directory(let next) = try enter(name, from: here) else { throw .system(.notDirectory) }
      here = next
    }
    return here
  }

  private func openRoot() throws(LayerFailure) -> LayerDirectory {
    LayerDirectory(try system { () throws(Errno) in try root.duplicate() }, path: [])
  }

  private func reopen(_ path: ArraySlice<PathBytes>) throws(LayerFailure) -> LayerDirectory {
    let path = Array(path)
    return LayerDirectory(
      try system { () throws(Errno) in try TreeFiles.openDirectory(below: root, path: PathBytes(joining: path)) }, path: path)
  }

  /// What a name turned out to be.
  private enum Step {
    case directory(LayerDirectory)
    case missing
    /// A symlink, a whiteout or anything else.
    case other
  }

  private func enter(_ name: PathBytes, from here: LayerDirectory) throws(LayerFailure) -> Step {
    do throws(Errno) { return .directory(LayerDirectory(try TreeFiles.openDirectory(here.fd, name), path: here.path + [name])) } catch {
      switch error {
      case .notFound: return .missing
      case .notDirectory, .loop: return .other
      default: throw .system(error)
      }
    }
  }

  /// A symlink's target; nil if the name is missing or a whiteout, which a directory may take the place of.
  private func link(_ name: PathBytes, in here: LayerDirectory) throws(LayerFailure) -> PathBytes? {
    do throws(Errno) {
      let status = try TreeFiles.status(here.fd, name)
      if status.isWhiteout { return nil }
      guard status.kind == .symlink else { throw Errno.notDirectory }
      return try TreeFiles.readLink(here.fd, name)
    } catch {
      if error == .notFound { return nil }
      if error == .notDirectory { throw .refused("\"\(PathBytes(joining: here.path + [name]))\" on the way to it is no directory") }
      throw .system(error)
    }
  }

  /// The target's components. It must be relative and stay inside the layer, read from `here`.
  private func follow(_ target: PathBytes, of name: PathBytes, in here: LayerDirectory) throws(LayerFailure) -> [PathBytes] {
    func refuse(_ cause: String) -> LayerFailure {
      .refused("the symlink \"\(PathBytes(joining: here.path + [name]))\" -> \"\(target)\" on the way to it \(cause)")
    }
    guard target.bytes.first != UInt8(ascii: "/") else { throw refuse("is absolute") }
    var depth = here.path.count
    var components: [PathBytes] = []
    for part in target.bytes.split(separator: UInt8(ascii: "/")) where !part.elementsEqual(".".utf8) {
      depth += part.elementsEqual("..".utf8) ? -1 : 1
      guard depth >= 0 else { throw refuse("leads out of the layer") }
      guard part.count <= 255, let component = PathBytes(part) else { throw refuse("has an overlong component") }
      components.append(component)
    }
    return components
  }

  /// A directory that members lie in but none has named so far.
  private func imply(_ name: PathBytes, in here: LayerDirectory) throws(LayerFailure) {
    guard implied.count < Self.impliedLimit else {
      throw .refused("more than \(Self.impliedLimit) directories have no member of their own")
    }
    try makeDirectory(name, in: here)
    implied.insert(PathBytes(joining: here.path + [name]))
  }

  private static let impliedLimit = 100_000
}
