import BerthLinux

/// The walk through the directory: which manifests are there, and what must be watched to hear of changes.
extension DirectoryFollower {
  private static let maximumDepth = 16
  private static let maximumFiles = 100_000

  /// What one walk through the directory found.
  struct Walk {
    var directories: [String: Set<String>] = [:]
    var landmarks: Set<String> = []
    /// In the order of their names, with what they were; nil where that couldn't be told, or tells nothing of one that is new.
    var files: [(path: String, identity: FileIdentity?)] = []
    /// False once anything was unreadable: what wasn't seen is then not gone.
    var complete = true
    /// Whether a directory was gone when it was to be read.
    var isOvertaken = false
    /// Why a directory couldn't be watched.
    var unwatched: String?
  }

  /// Returns what hinders the visit of `path`, nil if nothing does.
  func visit(_ path: String, depth: Int, _ walk: inout Walk) -> String? {
    do throws(Errno) {
      if depth == 0 { trace(path, always: true, &walk) }
      let resolved = try Files.realPath(path)
      // A symlink that leads back up would go round for ever.
      if walk.directories[resolved]?.contains(where: { path.hasPrefix($0 + "/") }) == true { return nil }
      if let reason = ManifestReader.untrusted(try Files.status(resolved), owner: options.owner) {
        walk.complete = false
        return "\(path): \(reason); nothing in it is obeyed, running pods are kept"
      }
      // Watched before it is listed: what comes in between is an event.
      watch(resolved, &walk)
      walk.directories[resolved, default: []].insert(path)
      return try visitEntries(of: path, depth: depth, &walk)
    } catch {
      walk.complete = false
      if depth > 0, error == .notFound {
        walk.isOvertaken = true
        return nil
      }
      return "\(path): cannot be read: \(error); running pods are kept"
    }
  }

  private func visitEntries(of path: String, depth: Int, _ walk: inout Walk) throws(Errno) -> String? {
    var warning: String?
    for (name, kind) in try Files.listKinds(path) where !name.hasPrefix(".") && !name.hasSuffix("~") {
      let entry = "\(path)/\(name)"
      if kind == .regular {
        guard Self.isManifestName(name) else { continue }
        if model.identity(of: entry) == nil, walk.files.count < Self.maximumFiles {
          walk.files.append((entry, nil))
          continue
        }
      }
      let link = try? Files.linkStatus(entry)
      let isSymlink = link?.kind == .symlink
      if isSymlink { trace(entry, always: false, &walk) }
      guard let status = isSymlink ? try? Files.status(entry) : link else {
        warning = visitUnreadable(entry, &walk) ?? warning
        continue
      }
      if status.kind == .directory {
        guard depth < Self.maximumDepth else {
          walk.complete = false
          warning = "\(entry): nested deeper than \(Self.maximumDepth) directories; not looked at"
          continue
        }
        warning = visit(entry, depth: depth + 1, &walk) ?? warning
      } else if Self.isManifestName(name) {
        guard walk.files.count < Self.maximumFiles else {
          walk.complete = false
          return "\(path): more than \(Self.maximumFiles) manifests; the rest is not looked at"
        }
        walk.files.append((entry, FileIdentity(status)))
      }
    }
    return warning
  }

  /// A name that leads nowhere, or a file that went away while it was looked at.
  private func visitUnreadable(_ entry: String, _ walk: inout Walk) -> String? {
    guard (try? Files.linkStatus(entry)) != nil else { return nil }
    if Self.isManifestName(entry) {
      // The reader says what is wrong with it.
      walk.files.append((entry, nil))
      return nil
    }
    // Where a symlinked directory of manifests was, its absence is not theirs.
    guard model.knownPaths.contains(where: { $0.hasPrefix(entry + "/") }) else { return nil }
    walk.complete = false
    return "\(entry): leads nowhere; pods from it are kept"
  }

  /// Follows `path` component by component, as the kernel does, and watches the directory of every symlink on the way, of what it leads
  /// to, and of the nearest directory above what is missing. Those directories get no logical path: an event there is a reason to scan.
  func trace(_ path: String, always: Bool, _ walk: inout Walk) {
    var rest = path.split(separator: "/").map(String.init)
    var current = ""
    var hops = 0
    while !rest.isEmpty {
      let name = rest.removeFirst()
      if name == "." { continue }
      if name == ".." {
        current = current.isEmpty ? "" : String(current[..<(current.lastIndex(of: "/") ?? current.startIndex)])
        continue
      }
      let next = "\(current)/\(name)"
      let kind = (try? Files.linkStatus(next))?.kind
      if kind == nil || kind == .symlink || (rest.isEmpty && (always || hops > 0)) { mark(next, in: current, &walk) }
      if kind == nil { return }
      guard kind == .symlink else {
        current = next
        continue
      }
      hops += 1
      guard hops <= 40, let target = try? Files.readLink(next) else { return }
      if target.hasPrefix("/") { current = "" }
      rest = target.split(separator: "/").map(String.init) + rest
    }
  }

  private func mark(_ landmark: String, in directory: String, _ walk: inout Walk) {
    let directory = directory.isEmpty ? "/" : directory
    watch(directory, &walk)
    walk.landmarks.insert(landmark)
    if walk.directories[directory] == nil { walk.directories[directory] = [] }
  }

  /// Without a watch the directory is looked at from time to time.
  private func watch(_ directory: String, _ walk: inout Walk) {
    do throws(Errno) { try watches.watch(directory) } catch {
      if error == .notFound { return }
      let hint = error == .noSpace ? "; raise fs.inotify.max_user_watches" : ""
      walk.unwatched =
        "\(directory): cannot be watched: \(error)\(hint); it is read every \(Self.pollInterval.components.seconds) s instead"
    }
  }

  static func isManifestName(_ name: String) -> Bool {
    name.hasSuffix(".toml") && !(name.utf8.contains(UInt8(ascii: "/")) ? Files.name(of: name) : name).hasPrefix(".")
  }
}
