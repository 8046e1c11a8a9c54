import BerthCore
import BerthLinux
import BerthOCI
import BerthRuntime
import Synchronization

/// The cgroup that all shims of a daemon live in: beside those of the pods, in every hierarchy in which the daemon itself was put into a
/// group. Whatever is done to that one, as by a service manager to its unit (end all of it, limit it, count it), is done to no pod.
///
/// It is a group of the shims alone, since what a pod's limits count is the pod's containers.
public final class ShimHome: Sendable {
  /// Of the group, below the one of all pods. No pod's uid.
  static let name = "shims"
  /// In every hierarchy: an earlier daemon may have been in other groups.
  private let parents: [Cgroup]
  /// In the hierarchies in which this daemon's group is to be left.
  private let groups: [Cgroup]
  private let report: @Sendable (BerthError) -> Void
  private let hasReported = Atomic(false)

  /// `parent`: the group of all pods. `report` is told, once, why a shim stays in the daemon's group.
  public init(parent: String, daemon: [CgroupMembership], report: @escaping @Sendable (BerthError) -> Void) {
    parents = daemon.compactMap { Cgroup(parent, in: $0.layout) }
    groups = daemon.compactMap { $0.isRoot ? nil : Cgroup("\(parent)/\(Self.name)", in: $0.layout) }
    self.report = report
  }

  /// Starts the program in a session of its own, with nothing but these descriptors.
  func start(_ path: String, arguments: [String], descriptors: [(child: Int32, parent: Int32)]) throws(Errno) -> Int32 {
    var problem: BerthError?
    let doors = open(&problem)
    defer { doors.close() }
    if doors.group != nil || !doors.tasks.isEmpty {
      do throws(Errno) {
        let (pid, missed) = try Spawn.start(path, arguments: arguments, descriptors: descriptors, group: doors.group, tasks: doors.tasks)
        tell(problem ?? missed.map { failure("\($0)") })
        return pid
      } catch { problem = failure("\(error)") }
    }
    let pid = try Spawn.start(path, arguments: arguments, descriptors: descriptors, newSession: true)
    tell(problem)
    return pid
  }

  private func failure(_ cause: String) -> BerthError {
    BerthError(.unavailable, "start shim in a cgroup of its own", groups.first?.path ?? "", cause: cause)
  }

  private func tell(_ problem: BerthError?) {
    if let problem, !hasReported.exchange(true, ordering: .relaxed) { report(problem) }
  }

  /// What a new process gets into the groups by.
  private struct Doors {
    var group: Int32?
    var tasks: [Int32] = []
    func close() { for number in tasks + [group].compactMap({ $0 }) { _ = FD(owning: number) } }
  }

  /// Opened for each shim anew: somebody may have removed an empty group.
  private func open(_ problem: inout BerthError?) -> Doors {
    var doors = Doors()
    for group in groups {
      do throws(BerthError) {
        if !group.exists() { try group.create(RuntimeSpec.Resources()) }
        if let directory = try group.openForClone() { doors.group = directory.release() } else { doors.tasks += try group.openTasks() }
      } catch { problem = failure("\(error)") }
    }
    return doors
  }

  /// Once there are no pods. Shims that were told to end are waited for, a second at most; where one stays, so does the group.
  func remove() {
    let there = parents.filter { $0.exists() }
    for _ in 0..<1000 {
      if there.allSatisfy({ (try? $0.processes())?.isEmpty != false }) { break }
      Clock.pause(.milliseconds(1))
    }
    for parent in there where (try? parent.processes())?.isEmpty != false { try? parent.remove() }
  }
}
