import BerthCore
import BerthLinux
import Glibc

/// What runs and what it holds open.
extension LeakCensus {
  /// `pid@start name` of every process that is Berth's: by its name, by namespaces that aren't the test's own, or by an ancestor of
  /// that kind. The test's own helpers are none of these.
  static func processes() throws -> [String] {
    let own = Namespaces(of: "self")
    var table: [pid_t: Entry] = [:]
    for pid in try Files.list("/proc").compactMap({ pid_t($0) }) {
      if let entry = Entry(pid) { table[pid] = entry }
    }
    return table.values.filter { isOurs($0, in: table, own: own) }.map { "\($0.pid)@\($0.start) \($0.name)" }
  }

  private static func isOurs(_ entry: Entry, in table: [pid_t: Entry], own: Namespaces) -> Bool {
    var current = entry
    for _ in 0..<64 {
      if current.name.hasPrefix("berth") && current.pid != getpid() && !current.name.hasPrefix("berthPackageTe") { return true }
      if current.namespaces.differ(from: own) { return true }
      guard let parent = table[current.parent], parent.pid != current.pid else { return false }
      current = parent
    }
    return false
  }

  /// What a process's descriptors point to. Sockets, pipes and the like are counted by kind, as their numbers change.
  static func descriptors(of pid: pid_t) throws -> [String] {
    var counts: [String: Int] = [:]
    let directory = "/proc/\(pid)/fd"
    for number in try Files.list(directory) {
      guard let target = try? Files.readLink("\(directory)/\(number)") else { continue }
      counts[target.firstIndex(of: "[").map { String(target[..<$0]) } ?? target, default: 0] += 1
    }
    return counts.flatMap { target, count in (1...count).map { "\(target) #\($0)" } }
  }

  /// Files below a directory, with their kind; an empty list where it doesn't exist.
  static func files(below path: String) throws -> [String] {
    guard let names = try? Files.list(path) else { return [] }
    return try names.flatMap { name -> [String] in
      let child = "\(path)/\(name)"
      guard let status = try? Files.linkStatus(child) else { return [] }
      return [child] + (status.kind == .directory ? try files(below: child) : [])
    }
  }

  private struct Namespaces: Equatable {
    var mount: String?
    var pid: String?

    init(of process: String) {
      mount = try? Files.readLink("/proc/\(process)/ns/mnt")
      pid = try? Files.readLink("/proc/\(process)/ns/pid")
    }

    /// False where either side is unknown: kernel threads and processes that have just ended.
    func differ(from other: Namespaces) -> Bool {
      guard let mount, let pid, let otherMount = other.mount, let otherPID = other.pid else { return false }
      return mount != otherMount || pid != otherPID
    }
  }

  private struct Entry {
    var pid: pid_t
    var parent: pid_t
    /// Clock ticks since boot: with the pid the identity of a process.
    var start: UInt64
    var name: String
    var namespaces: Namespaces

    /// nil if the process is gone or is a kernel thread.
    init?(_ pid: pid_t) {
      guard let stat = try? Files.readText("/proc/\(pid)/stat"), let open = stat.firstIndex(of: "("), let close = stat.lastIndex(of: ")")
      else { return nil }
      let fields = stat[stat.index(after: close)...].split(separator: " ")
      guard fields.count > 19, let parent = pid_t(fields[1]), let start = UInt64(fields[19]), parent != 2, pid != 2 else { return nil }
      self.pid = pid
      self.parent = parent
      self.start = start
      name = String(stat[stat.index(after: open)..<close])
      namespaces = Namespaces(of: String(pid))
    }
  }
}
