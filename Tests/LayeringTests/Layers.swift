/// Who may import what: the design's layers as a table. A target imports only targets of a lower rank; what lies outside the package is
/// listed with the few that may use it.
enum Layers {
  /// From the vocabulary up. Equal ranks don't see each other.
  static let ranks: [String: Int] = [
    "BerthCore": 10, "BerthOCI": 11, "BerthManifest": 11, "BerthPlan": 12,
    "BerthLinux": 20,
    "BerthStore": 30, "BerthArchive": 30, "BerthRuntime": 30, "BerthSeccomp": 30,
    "BerthImages": 40, "BerthNetwork": 40, "BerthRuntimeCLI": 40, "BerthRegistry": 41, "BerthPods": 41,
    "BerthNode": 50,
    "BerthServer": 60, "BerthClient": 60,
    "berthd": 70, "berth": 70, "berth-shim": 70, "berth-worker": 70, "berth-runtime": 70,
    "runtime-probe": 70,
  ]

  static let executables: Set<String> = ["berthd", "berth", "berth-shim", "berth-worker", "berth-runtime", "runtime-probe"]

  /// Modules of C, of the toolchain and of other packages, and the only targets that may import them. Foundation and Dispatch are
  /// listed for nobody.
  static let foreign: [String: Set<String>] = [
    "Glibc": executables.union(["BerthLinux"]),
    "Synchronization": Set(ranks.keys),
    "CBerthSys": ["BerthLinux"],
    "CBerthInit": ["BerthRuntime"],
    "CBerthCurl": ["BerthRegistry"],
    "CBerthTasks": ["BerthNode"],
    "CCurl": ["BerthRegistry"],
    "CSeccomp": ["BerthSeccomp"],
    "CInotifyTools": ["BerthNode"],
    "CCrypto": ["BerthStore"],
    "CTLS": ["BerthNode"],
    "CSQLite": ["BerthStore"],
    "CISAL": ["BerthArchive"],
    "CZstd": ["BerthArchive"],
    "NIOCore": ["BerthServer"], "NIOPosix": ["BerthServer"], "NIOHTTP1": ["BerthServer"],
    "ArgumentParser": ["berthd", "berth"],
    "Logging": ["BerthImages", "BerthPods", "BerthNode", "BerthServer", "berthd"],
  ]

  /// Why `target` may not import `module`; nil if it may.
  static func objection(target: String, importing module: String) -> String? {
    guard let own = ranks[target] else { return "target \(target) has no place in the layers" }
    if let other = ranks[module] {
      return other < own ? nil : "\(target) imports \(module), which is not below it"
    }
    guard let users = foreign[module] else { return "\(target) imports \(module), which nobody may" }
    return users.contains(target) ? nil : "\(target) imports \(module), which is for \(users.sorted().joined(separator: ", "))"
  }
}
