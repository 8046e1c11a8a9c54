import BerthCore
import BerthLinux

/// Where a process is in one hierarchy, be it one without any controller, as service managers have it to keep their units apart.
public struct CgroupMembership: Sendable, Hashable {
  /// Of that hierarchy alone.
  public var layout: CgroupLayout
  /// Nobody has put it into a group: it is in the topmost that can be seen from here.
  public var isRoot: Bool

  /// This process in every hierarchy that is mounted.
  public static func own() throws(BerthError) -> [CgroupMembership] {
    do throws(Errno) {
      return parse(mountinfo: try Files.read("/proc/self/mountinfo"), membership: try Files.readText("/proc/self/cgroup"))
    } catch { throw BerthError(.unavailable, "read own cgroups", "/proc/self", cause: error.description) }
  }

  /// From the texts of /proc/PID/mountinfo and /proc/PID/cgroup (lines `NUMBER:CONTROLLERS:PATH`; v2's names no controllers).
  static func parse(mountinfo: [UInt8], membership: String) -> [CgroupMembership] {
    let mounts = CgroupLayout.mounts(mountinfo)
    return membership.split(separator: "\n").compactMap { line -> CgroupMembership? in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 3 else { return nil }
      let controllers = fields[1].split(separator: ",").map(String.init)
      let mount = mounts.first { mount in
        controllers.isEmpty ? mount.version == .v2 : mount.version == .v1 && controllers.allSatisfy(mount.options.contains)
      }
      guard let mount else { return nil }
      return CgroupMembership(
        layout: CgroupLayout(version: mount.version, hierarchies: [.init(mountPoint: mount.mountPoint, controllers: controllers)]),
        isRoot: fields[2] == "/" || fields[2] == mount.root)
    }
  }
}
