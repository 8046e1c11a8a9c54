import BerthManifest
import BerthRuntime

extension ContainerSpec {
  private static let allCapabilities = CapabilitySet.names.map { "CAP_\($0)" }

  /// As the runtime spec names them: those of `ContainerDefaults`, without those dropped, with those added.
  var capabilities: [String] {
    if security.privileged { return Self.allCapabilities }
    func named(_ names: [String]) -> Set<String> { Set(names.map { $0.hasPrefix("CAP_") ? $0 : "CAP_\($0)" }) }
    let added = named(security.addCapabilities)
    let dropped = named(security.dropCapabilities)
    var set = dropped.contains("CAP_ALL") ? [] : Set(ContainerDefaults.capabilities)
    if added.contains("CAP_ALL") { set.formUnion(Self.allCapabilities) }
    return set.subtracting(dropped).union(added.subtracting(["CAP_ALL"])).sorted()
  }
}
