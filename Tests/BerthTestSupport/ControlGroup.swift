import BerthCore
import BerthLinux

/// The cgroups of a process, wherever this machine has them: one hierarchy (v2) or one a controller (v1).
public struct ControlGroup: Sendable {
  private var directories: [String: String] = [:]
  public private(set) var isV2 = false

  /// From /proc/PID/cgroup and the mounts. Fails for a process that is gone.
  public init(of pid: Int64) throws {
    let mounts = try Self.mounts()
    for line in try Files.readText("/proc/\(pid)/cgroup").split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 3 else { continue }
      let path = fields[2] == "/" ? "" : fields[2]
      for controller in fields[1].isEmpty ? [""] : fields[1].split(separator: ",").map(String.init) {
        if let mount = mounts[controller] { directories[controller] = mount + path }
      }
    }
    isV2 = directories["memory"] == nil
  }

  /// The directory that holds a controller's files. Fails where the controller isn't mounted.
  public func directory(_ controller: String) throws -> String {
    guard let directory = directories[isV2 ? "" : controller] else { throw TestFailure("no cgroup for \(controller) in \(directories)") }
    return directory
  }

  /// A file's text without its last newline; v1 and v2 call it by different names.
  public func read(_ controller: String, v1: String, v2: String) throws -> String {
    let text = try Files.readText("\(directory(controller))/\(isV2 ? v2 : v1)")
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
  }

  /// CPU limit as `quota period` in µs.
  public func cpuLimit() throws -> String {
    if isV2 { return try read("cpu", v1: "", v2: "cpu.max") }
    return try "\(read("cpu", v1: "cpu.cfs_quota_us", v2: "")) \(read("cpu", v1: "cpu.cfs_period_us", v2: ""))"
  }

  /// How often the processes were held back for their CPU limit.
  public func timesThrottled() throws -> Int {
    let line = try read("cpu", v1: "cpu.stat", v2: "cpu.stat").split(separator: "\n").first { $0.hasPrefix("nr_throttled ") }
    return line.flatMap { Int($0.dropFirst("nr_throttled ".count)) } ?? 0
  }

  /// Mount point by controller; v2's is under the empty name.
  private static func mounts() throws -> [String: String] {
    var found: [String: String] = [:]
    for line in try Files.readText("/proc/self/mounts").split(separator: "\n") {
      let fields = line.split(separator: " ").map(String.init)
      guard fields.count > 3 else { continue }
      if fields[2] == "cgroup2" { found[""] = fields[1] }
      if fields[2] == "cgroup" { for option in fields[3].split(separator: ",") { found[String(option)] = fields[1] } }
    }
    return found
  }
}
