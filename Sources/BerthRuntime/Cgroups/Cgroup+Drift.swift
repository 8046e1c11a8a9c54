import BerthCore
import BerthOCI

extension Cgroup {
  /// The limits that somebody has set to something else than `resources` says, by the names of their files. Limits that `resources` says
  /// nothing of aren't looked at.
  public func changedLimits(from resources: RuntimeSpec.Resources) -> [String] {
    guard exists() else { return [] }
    var changed: [String] = []
    func check(_ wanted: Int64?, _ file: String, of controller: String) {
      guard let wanted, wanted > 0, let text = try? read(file, of: controller) else { return }
      let first = text.prefix { $0 != "\n" && $0 != " " }
      // The kernel counts memory in pages.
      let slack: Int64 = file.hasPrefix("memory.") ? 65_535 : 0
      guard let number = Int64(first), number <= wanted, number >= wanted - slack else { return changed.append(file) }
    }
    switch layout.version {
    case .v1:
      check(resources.memory.limit, "memory.limit_in_bytes", of: "memory")
      check(resources.cpu.quota, "cpu.cfs_quota_us", of: "cpu")
      check(resources.pids, "pids.max", of: "pids")
    case .v2:
      check(resources.memory.limit, "memory.max", of: "")
      check(resources.cpu.quota, "cpu.max", of: "")
      check(resources.pids, "pids.max", of: "")
    }
    return changed
  }
}
