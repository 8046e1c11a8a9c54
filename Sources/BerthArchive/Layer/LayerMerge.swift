import BerthCore
import BerthLinux

/// Makes one directory of unpacked layers: what overlayfs would show of them. Every file is taken once, from the topmost layer that has
/// it: copied with all that it has (mode, owner, times, extended attributes, holes, its other names), or given a further name.
///
/// Names and trees are a stranger's: nothing is opened by a path that could hold a symlink, no file system below another is entered,
/// and a directory's descriptors are closed before the ones in it are looked at, so that depth costs none.
public final class LayerMerge {
  public enum Method: Sendable {
    /// The target may be written to.
    case copy
    /// The target is only read: it shares the layers' files where it can.
    case link
  }

  let target: FD
  /// The topmost first.
  private let layers: [LayerDirectory]
  private let marks: LayerMarks
  let method: Method
  var content = FileCopy()
  /// Where the first name of a file with several is.
  var names: [Inode: (path: [PathBytes], name: PathBytes)] = [:]
  /// Directories made, each before those in it, and the layer whose looks it gets.
  private var made: [(path: [PathBytes], layer: Int)] = []

  struct Inode: Hashable {
    var device: UInt64
    var inode: UInt64
  }

  private struct Task {
    var path: [PathBytes]
    /// Those that have it, topmost first.
    var layers: [Int]
  }

  /// `layers`: absolute paths of directories, the topmost first; `target`: an empty directory that nobody else sees.
  public init(_ layers: [String], into target: consuming FD, marks: LayerMarks, method: Method) throws(BerthError) {
    self.marks = marks
    self.method = method
    self.target = target
    var open: [LayerDirectory] = []
    for path in layers {
      do throws(Errno) { open.append(LayerDirectory(try Files.open(path, ContentFlags.directory), path: [])) } catch {
        throw Self.failure(path, error)
      }
    }
    self.layers = open
  }

  /// Call it once. On an error the target holds a part and must be thrown away.
  public func run() throws(BerthError) {
    made.append(([], 0))
    var pending = layers.isEmpty ? [] : [Task(path: [], layers: Array(layers.indices))]
    while let task = pending.popLast() {
      do throws(Errno) { pending += try merge(task) } catch { throw Self.failure(PathBytes(joining: task.path).description, error) }
    }
    // From below up, since what is put into a directory changes its times, and a default ACL or a set-group-id bit would be handed on.
    for (path, layer) in layers.isEmpty ? [] : made.reversed() {
      let joined = PathBytes(joining: path)
      do throws(Errno) {
        try Self.giveLooks(
          of: try TreeFiles.openDirectory(below: layers[layer].fd, path: joined),
          to: try TreeFiles.openDirectory(below: target, path: joined))
      } catch { throw Self.failure(joined.description, error) }
    }
  }

  /// What has become of a name in one directory.
  private struct Place {
    /// That it is a directory of, so far; none: it is something else, or removed.
    var layers: [Int] = []
    /// Whether nothing of that name comes from layers further down.
    var isClosed = true
  }

  /// Fills one directory but for the directories in it, which are made and returned.
  private func merge(_ task: Task) throws(Errno) -> [Task] {
    let own = try TreeFiles.openDirectory(below: target, path: PathBytes(joining: task.path))
    var places: [PathBytes: Place] = [:]
    for layer in task.layers {
      let source: FD
      do throws(Errno) { source = try TreeFiles.openDirectory(below: layers[layer].fd, path: PathBytes(joining: task.path)) } catch {
        // Something is mounted there, which is no part of the layer.
        if error == .crossDevice { continue }
        throw error
      }
      var hidden: [PathBytes] = []
      for name in try TreeFiles.list(source) {
        let place = places[name]
        if let place, place.isClosed { continue }
        let status = try TreeFiles.status(source, name)
        if isMark(name, status) {
          if let name = PathBytes(name.bytes.dropFirst(LayerMarks.prefix.count)) { hidden.append(name) }
        } else if status.kind == .directory {
          if place == nil {
            try TreeFiles.makeDirectory(own, name, mode: 0o700)
            made.append((task.path + [name], layer))
          }
          places[name] = Place(layers: (place?.layers ?? []) + [layer], isClosed: false)
        } else if place != nil {
          places[name]?.isClosed = true
        } else {
          places[name] = Place()
          if !status.isWhiteout { try add(name, status, from: source, to: own, at: task.path) }
        }
      }
      // Only now: what the layer itself brings isn't hidden by its own mark.
      for name in hidden { places[name, default: Place()].isClosed = true }
      if try marks.isOpaque(source) { break }
    }
    return places.compactMap { name, place in place.layers.isEmpty ? nil : Task(path: task.path + [name], layers: place.layers) }
  }

  private func isMark(_ name: PathBytes, _ status: FileStatus) -> Bool {
    marks == .names && status.kind == .regular && name.bytes.starts(with: LayerMarks.prefix)
  }

  static func failure(_ subject: String, _ error: Errno) -> BerthError {
    let code: ErrorCode = error == .noSpace || error == .quotaExceeded ? .resourceExhausted : .unavailable
    return BerthError(code, "copy image", subject, cause: "\(error)")
  }
}
