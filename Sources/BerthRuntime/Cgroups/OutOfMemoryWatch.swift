import BerthCore
import BerthLinux

/// Tells when a group's memory runs out. Source: the kernel's cgroup-v1/memory.rst "Notification", cgroup-v2.rst "memory.events".
public struct OutOfMemoryWatch: ~Copyable {
  /// v1: the kernel adds to it.
  private let counter: WakeUp?
  /// v2: of the files in the group's directory.
  private let changes: DirectoryChanges?

  public init(_ group: Cgroup) throws(BerthError) {
    let counter = try Self.counter(group)
    let changes = try Self.changes(group)
    self.counter = counter
    self.changes = changes
  }

  private static func counter(_ group: Cgroup) throws(BerthError) -> WakeUp? {
    guard group.layout.version == .v1 else { return nil }
    do throws(Errno) { return try register(group) } catch { throw group.failure("watch cgroup", error) }
  }

  private static func register(_ group: Cgroup) throws(Errno) -> WakeUp {
    guard let directory = group.directory("memory") else { throw .notFound }
    let counter = try WakeUp()
    let control = try Files.openReadOnly("\(directory)/memory.oom_control")
    // The kernel keeps what it needs of both.
    try Files.write("\(counter.descriptor) \(control.raw)", to: "\(directory)/cgroup.event_control")
    return counter
  }

  private static func changes(_ group: Cgroup) throws(BerthError) -> DirectoryChanges? {
    guard group.layout.version == .v2, let directory = group.directories.first else { return nil }
    do throws(Errno) { return try DirectoryChanges(directory) } catch { throw group.failure("watch cgroup", error) }
  }

  /// Readable when something may have happened: the group's counters say what.
  public var descriptor: Int32 {
    if let counter { return counter.descriptor }
    switch changes {
    case .some(let changes): return changes.descriptor
    case .none: return -1
    }
  }

  /// Makes it unreadable until the next time.
  public borrowing func clear() {
    counter?.clear()
    switch changes {
    case .some(let changes): _ = try? changes.wait()
    case .none: return
    }
  }
}
