import BerthCore
import BerthLinux
import BerthRuntime

/// What the kernel must have.
enum KernelChecks {
  /// openat2, clone3, pidfds, the new mount calls and mount_setattr are all there from here on.
  static let minimum = (major: 5, minor: 12)

  static func all() -> [Finding] { [kernel(), cgroups(), seccomp(), inotify()] }

  static func kernel() -> Finding {
    let release = (try? Kernel.release()) ?? "?"
    guard let version = version(release) else {
      return .warning("kernel", "can't tell the version from \"\(release)\"", fix: "Berth needs Linux \(minimum.major).\(minimum.minor)")
    }
    guard version >= minimum else {
      return .failed("kernel", "Linux \(release) is too old", fix: "install Linux \(minimum.major).\(minimum.minor) or newer")
    }
    return .ok("kernel", "Linux \(release)")
  }

  /// `6.18.1-amd64` → (6, 18).
  static func version(_ release: String) -> (major: Int, minor: Int)? {
    let numbers = release.split(separator: ".", maxSplits: 2).map { $0.prefix { $0.isASCII && $0.isNumber } }
    guard numbers.count >= 2, let major = Int(numbers[0]), let minor = Int(numbers[1]) else { return nil }
    return (major, minor)
  }

  static func cgroups() -> Finding {
    let layout: CgroupLayout
    do throws(BerthError) { layout = try CgroupLayout.detect() } catch {
      return .failed("cgroups", "\(error)", fix: "mount -t cgroup2 cgroup2 /sys/fs/cgroup")
    }
    let version = layout.version == .v2 ? "v2" : "v1"
    let missing = ["cpu", "memory", "pids"].filter { !controllers(of: layout).contains($0) }
    guard missing.isEmpty else {
      let fix =
        layout.version == .v2
        ? "boot with cgroup_enable=\(missing[0]), or add it to cgroup.subtree_control of the groups above"
        : "boot with cgroup_enable=\(missing[0]), or mount its hierarchy"
      return .failed("cgroups", "\(version) without \(missing.joined(separator: ", ")): such limits can't be kept", fix: fix)
    }
    return .ok("cgroups", "\(version) with cpu, memory and pids")
  }

  private static func controllers(of layout: CgroupLayout) -> Set<String> {
    guard layout.version == .v2 else { return Set(layout.hierarchies.flatMap(\.controllers)) }
    let place = layout.hierarchies.first?.mountPoint ?? "/sys/fs/cgroup"
    let text = (try? Files.readText("\(place)/cgroup.controllers")) ?? ""
    return Set(text.split(whereSeparator: \.isWhitespace).map(String.init))
  }

  static func seccomp() -> Finding {
    guard let actions = try? Files.readText("/proc/sys/kernel/seccomp/actions_avail") else {
      return .failed("seccomp", "the kernel has no seccomp filters", fix: "use a kernel with CONFIG_SECCOMP_FILTER")
    }
    return .ok("seccomp", actions.split(whereSeparator: \.isWhitespace).joined(separator: " "))
  }

  static func inotify() -> Finding {
    func limit(_ name: String) -> Int {
      let text = (try? Files.readText("/proc/sys/fs/inotify/\(name)")) ?? ""
      return Int(text.split(whereSeparator: \.isWhitespace).first ?? "") ?? 0
    }
    let (watches, instances) = (limit("max_user_watches"), limit("max_user_instances"))
    if watches < 8192 {
      return .warning(
        "inotify", "\(watches) watches for a user: large directories may not be followed", fix: "sysctl fs.inotify.max_user_watches=65536")
    }
    if instances < 64 {
      return .warning("inotify", "\(instances) instances for a user", fix: "sysctl fs.inotify.max_user_instances=512")
    }
    return .ok("inotify", "\(watches) watches, \(instances) instances")
  }
}
