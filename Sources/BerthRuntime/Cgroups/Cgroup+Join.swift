import BerthCore
import BerthLinux

/// Where a process that is still to come joins a v1 group by itself.
///
/// Moving another process takes a lock that, after a pause of some 50 ms, first waits for a grace period of the kernel: 5 to 15 ms. A
/// single thread that moves itself, through `tasks`, can't exec or end meanwhile, so that the kernel does without the lock (Linux 5.5).
public struct CgroupJoin: Sendable, Hashable {
  /// The hierarchy's directory, open.
  public var hierarchy: Int32
  /// The group's `tasks` in it.
  public var path: String
}

extension Cgroup {
  /// One for each hierarchy, open as long as this process lives; none on v2, where processes are born in their group.
  public func joins() throws(BerthError) -> [CgroupJoin] {
    guard layout.version == .v1 else { return [] }
    var joins: [CgroupJoin] = []
    for hierarchy in layout.hierarchies {
      do throws(Errno) {
        let directory = try Files.open(hierarchy.mountPoint, FileFlags.path | FileFlags.directory)
        joins.append(CgroupJoin(hierarchy: directory.release(), path: "\(path.dropFirst())/tasks"))
      } catch { throw failure("open cgroup", error, "in \(hierarchy.mountPoint)") }
    }
    return joins
  }

  /// The group's `tasks` in each v1 hierarchy, open for a single thread that writes itself there; the caller closes them. None on v2.
  public func openTasks() throws(BerthError) -> [Int32] {
    guard layout.version == .v1 else { return [] }
    var tasks: [Int32] = []
    for directory in directories {
      do throws(Errno) { tasks.append(try Files.open("\(directory)/tasks", FileFlags.write).release()) } catch {
        for number in tasks { _ = FD(owning: number) }
        throw failure("open cgroup", error, "in \(directory)")
      }
    }
    return tasks
  }
}
