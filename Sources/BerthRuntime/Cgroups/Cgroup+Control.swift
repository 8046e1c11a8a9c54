import BerthCore
import BerthLinux

extension Cgroup {
  static func belowUsage(_ group: Cgroup, limit: Int64, used: UInt64) -> BerthError {
    BerthError(
      .failedPrecondition, "limit cgroup", group.path, cause: "memory limit \(limit) bytes is below the \(used) bytes in use")
  }

  public func stats() throws(BerthError) -> CgroupStats {
    guard exists() else { throw failure("read cgroup", .notFound) }
    return layout.version == .v1 ? CgroupV1(group: self).stats() : CgroupV2(group: self).stats()
  }

  /// The `oomKills` of `stats` alone.
  public func oomKills() throws(BerthError) -> UInt64 {
    guard exists() else { throw failure("read cgroup", .notFound) }
    return layout.version == .v1 ? CgroupV1(group: self).oomKills : CgroupV2(group: self).oomKills
  }

  /// Returns when every process has stopped. `.deadlineExceeded` after 10 s: a process may be stuck in the kernel.
  public func freeze() throws(BerthError) { try setFrozen(true) }
  public func thaw() throws(BerthError) { try setFrozen(false) }

  /// Whether its processes stand still, or are about to.
  public var isFrozen: Bool {
    if layout.version == .v2 { return number("cgroup.freeze", of: "") == 1 }
    return (try? read("freezer.state", of: "freezer")).map { !$0.hasPrefix("THAWED") } ?? false
  }

  /// `.failedPrecondition` for a group that is there and has processes, or stands still: a new container in it would share its limits and
  /// its end with strangers, or never begin.
  public func requireUnused() throws(BerthError) {
    guard let directory = processDirectory, Files.exists(directory) else { return }
    let strangers = (try? processes())?.count ?? 0
    guard strangers == 0 else {
      throw BerthError(.failedPrecondition, "create cgroup", path, cause: "container's cgroup is not empty: \(strangers) process(es) found")
    }
    guard !isFrozen else { throw BerthError(.failedPrecondition, "create cgroup", path, cause: "container's cgroup unexpectedly frozen") }
  }

  private func setFrozen(_ frozen: Bool) throws(BerthError) {
    let isV1 = layout.version == .v1
    let word = isV1 ? (frozen ? "FROZEN" : "THAWED") : (frozen ? "1" : "0")
    // v1 tells nobody when it is done, and a fork in between needs a second order: asked again until it is so.
    for _ in 0..<10_000 {
      try write(word, to: isV1 ? "freezer.state" : "cgroup.freeze", of: "freezer")
      if isV1
        ? (try? read("freezer.state", of: "freezer")) == word + "\n" : number("frozen", in: "cgroup.events", of: "") == (frozen ? 1 : 0)
      {
        return
      }
      Clock.pause(.milliseconds(1))
    }
    // Rather all of them running than some.
    if frozen { try? write(isV1 ? "THAWED" : "0", to: isV1 ? "freezer.state" : "cgroup.freeze", of: "freezer") }
    throw BerthError(.deadlineExceeded, frozen ? "freeze cgroup" : "thaw cgroup", path, cause: "not done after 10 s")
  }

  /// SIGKILL to every process of the group and those below it. They may still be dying after the return. A group that is gone, or that
  /// somebody removes meanwhile, has none.
  public func killAll() throws(BerthError) {
    guard exists() else { return }
    if layout.version == .v2, let directory = directories.first {
      do throws(Errno) { return try Files.write("1", to: "\(directory)/cgroup.kill") } catch {
        // Linux before 5.14 has no such file.
        guard Self.isGone(error) else { throw failure("kill cgroup", error) }
      }
    }
    // Frozen, they can't fork away from the kill; SIGKILL takes effect when they thaw.
    let wasFrozen = (try? freeze()) != nil
    defer { if wasFrozen { try? thaw() } }
    guard let directory = processDirectory else { return }
    do throws(Errno) { for pid in try Self.processes(directory) { Children.kill(pid) } } catch {
      if !Self.isGone(error) { throw failure("read cgroup", error) }
    }
  }

  /// `signal` to every process of the group and those below it. They stand still meanwhile, so that a number can't come to mean another,
  /// unless one of them can't: then they are signalled all the same.
  public func signalAll(_ signal: Int32) throws(BerthError) {
    let mustThaw = !isFrozen && (try? freeze()) != nil
    defer { if mustThaw { try? thaw() } }
    for pid in try processes() { Children.send(signal, to: pid) }
  }

  /// Pids of the group itself and of those below it, as this pid namespace numbers them.
  public func processes() throws(BerthError) -> [Int32] {
    guard let directory = processDirectory else { return [] }
    do throws(Errno) { return try Self.processes(directory) } catch { throw failure("read cgroup", error) }
  }

  private var processDirectory: String? { directory("pids") ?? directories.first }

  /// What the kernel says of a group, or of a file that was open in it, once the group is removed.
  private static func isGone(_ error: Errno) -> Bool { error == .notFound || error == .noDevice }

  private static func processes(_ directory: String) throws(Errno) -> [Int32] {
    var pids = try Files.readText("\(directory)/cgroup.procs").split(separator: "\n").compactMap { Int32($0) }
    for child in try subdirectories(directory) {
      do throws(Errno) { pids += try processes("\(directory)/\(child)") } catch { if !isGone(error) { throw error } }
    }
    return pids
  }

  private static func subdirectories(_ directory: String) throws(Errno) -> [String] {
    // A directory's links are its own two and one for each below it.
    if (try Files.status(directory)).links == 2 { return [] }
    var names: [String] = []
    for name in try Files.list(directory) where (try? Files.linkStatus("\(directory)/\(name)"))?.kind == .directory { names.append(name) }
    return names
  }

  /// The names of the groups directly below, sorted; empty where the group isn't there.
  public func children() throws(BerthError) -> [String] {
    var names: Set<String> = []
    for directory in directories {
      do throws(Errno) { names.formUnion(try Self.subdirectories(directory)) } catch {
        if error != .notFound { throw failure("list cgroup", error) }
      }
    }
    return names.sorted()
  }

  /// Removes the group where nothing lives in it and nothing is below it, or is gone; false: it may be there yet.
  public func removeIfEmpty() -> Bool { directories.allSatisfy { (try? Files.removeDirectory($0)) != nil } }

  /// Removes the group and those below it from every hierarchy. One that isn't there is fine. `.failedPrecondition` while processes live:
  /// those that are dying are waited for, 5 s at most.
  public func remove() throws(BerthError) {
    for directory in directories {
      do throws(Errno) { try Self.removeTree(directory) } catch {
        if error == .busy { throw BerthError(.failedPrecondition, "remove cgroup", path, cause: "processes live in it") }
        throw failure("remove cgroup", error)
      }
    }
  }

  private static func removeTree(_ directory: String) throws(Errno) {
    for attempt in 0... {
      do throws(Errno) { return try Files.removeDirectory(directory) } catch {
        guard error == .busy, attempt < 5000 else { throw error }
      }
      do throws(Errno) { for child in try subdirectories(directory) { try removeTree("\(directory)/\(child)") } } catch {
        if error != .notFound { throw error }
      }
      // A dying process leaves without an event on v1.
      if attempt > 0 { Clock.pause(.milliseconds(1)) }
    }
  }
}
