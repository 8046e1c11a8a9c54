import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime

/// The containers below one root: a folder each.
struct ContainerStore {
  var root: String

  /// Throws unless `id` can name a folder: letters, digits, `_`, `+`, `-` and `.`, as runc takes them, 255 at most.
  static func checked(_ id: String) throws(BerthError) -> String {
    let allowed = id.utf8.allSatisfy { byte in
      (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte) || [95, 43, 45, 46].contains(byte)
    }
    guard allowed, !id.isEmpty, id.utf8.count <= 255, !id.hasPrefix(".") else {
      throw BerthError(.invalidArgument, "read container id", String(id.prefix(64)), cause: "invalid container ID format")
    }
    return id
  }

  func folder(_ id: String) -> ContainerFolder { ContainerFolder(path: "\(root)/\(id)", id: id) }

  /// A new folder. `.alreadyExists`: the id is taken.
  func make(_ id: String) throws(BerthError) -> ContainerFolder {
    let folder = folder(id)
    do throws(Errno) {
      do throws(Errno) { try Files.makeNewDirectory(folder.path) } catch {
        guard error == .notFound else { throw error }
        try Files.makeDirectories(root)
        try Files.makeNewDirectory(folder.path)
      }
    } catch {
      if error == .exists { throw Self.taken(id) }
      throw BerthError(.unavailable, "create container", folder.path, cause: error.description)
    }
    return folder
  }

  static func taken(_ id: String) -> BerthError {
    BerthError(.alreadyExists, "create container", id, cause: "container with given ID already exists")
  }

  /// A container that is there, or `.notFound`.
  func container(_ id: String) throws(BerthError) -> Container {
    let folder = folder(id)
    return Container(folder: folder, record: try folder.record())
  }

  /// Sorted by id. What can't be read isn't there.
  func containers() throws(BerthError) -> [Container] {
    do throws(Errno) {
      return try Files.list(root).filter { !$0.hasPrefix(".") }.compactMap { try? container($0) }
    } catch {
      if error == .notFound { return [] }
      throw BerthError(.unavailable, "list containers", root, cause: error.description)
    }
  }
}

/// One container's folder: state.json, config.json (as it was when it was created), and while it waits to be started its meeting point.
struct ContainerFolder {
  var path: String
  var id: String

  static let gate = "start"
  private static let hiddenGate = "start-paused"

  func record() throws(BerthError) -> ContainerRecord {
    do throws(Errno) {
      let bytes = try Files.read("\(path)/state.json", limit: 1 << 20)
      if let json = try? JSON(parsing: bytes), let record = ContainerRecord(json) { return record }
      throw Errno.invalid
    } catch {
      guard error == .notFound else { throw BerthError(.failedPrecondition, "read state", id, cause: error.description) }
      guard Files.exists(path) else { throw BerthError(.notFound, "find container", id, cause: "container does not exist") }
      throw BerthError(.failedPrecondition, "read state", id, cause: "container is being created")
    }
  }

  /// Once it is committed, the container is there for others.
  func stage(_ record: ContainerRecord) throws(BerthError) -> StagedFile {
    do throws(Errno) { return try StagedFile(record.json.encoded(), for: "\(path)/state.json") } catch {
      throw BerthError(.unavailable, "write state", id, cause: error.description)
    }
  }

  func spec() throws(BerthError) -> RuntimeSpec {
    do throws(Errno) { return try Self.parse(try Files.read("\(path)/config.json", limit: 4 << 20)) } catch {
      throw BerthError(.failedPrecondition, "read config.json", id, cause: error.description)
    }
  }

  private static func parse(_ bytes: [UInt8]) throws(Errno) -> RuntimeSpec {
    // Checked when the container was created: what doesn't read now was damaged since.
    guard let spec = try? RuntimeSpec(parsing: bytes) else { throw .invalid }
    return spec
  }

  /// Waits for whoever changes the container right now.
  func lock() throws(BerthError) -> DirectoryLock {
    do throws(Errno) {
      while true {
        let lock = try DirectoryLock(path)
        // One that was removed meanwhile says nothing of a container that has the id now.
        if try lock.directory.status().links > 0 { return lock }
      }
    } catch {
      if error == .notFound { throw BerthError(.notFound, "find container", id, cause: "container does not exist") }
      throw BerthError(.unavailable, "lock container", id, cause: error.description)
    }
  }

  /// Whether nobody changes the container right now.
  var isFree: Bool { (try? DirectoryLock.isFree(path)) ?? true }

  /// Whether nothing was made in it yet.
  var isNew: Bool { ["config.json", "state.json"].allSatisfy { (try? Files.linkStatus("\(path)/\($0)")) == nil } }

  var waitsForStart: Bool { has(Self.gate) }
  var hasHiddenGate: Bool { has(Self.hiddenGate) }

  private func has(_ name: String) -> Bool { (try? Files.linkStatus("\(path)/\(name)")) != nil }

  func openGate() { try? Files.unlink("\(path)/\(Self.gate)") }

  /// While a process stands still nobody answers at its gate: under another name, nobody asks there and the container counts as paused.
  func hideGate() throws(BerthError) { try moveGate(from: Self.gate, to: Self.hiddenGate) }
  func showGate() throws(BerthError) { try moveGate(from: Self.hiddenGate, to: Self.gate) }

  /// Where there is none, the container was started before.
  private func moveGate(from: String, to: String) throws(BerthError) {
    do throws(Errno) { try Files.rename("\(path)/\(from)", to: "\(path)/\(to)") } catch {
      if error != .notFound { throw BerthError(.unavailable, "write state", id, cause: error.description) }
    }
  }

  func removeIfEmpty() { try? Files.removeDirectory(path) }

  func remove() throws(BerthError) {
    do throws(Errno) {
      for name in ["state.json", "config.json"] { try Files.unlink("\(path)/\(name)") }
      // The gate of one that was never started, for one.
      do throws(Errno) { try Files.removeDirectory(path) } catch {
        guard error == .notEmpty else { throw error }
        try Files.removeTree(path)
      }
    } catch { throw BerthError(.unavailable, "remove state", id, cause: error.description) }
  }
}
