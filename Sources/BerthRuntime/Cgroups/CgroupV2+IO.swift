import BerthCore
import BerthOCI

/// Weights and limits of disks on v2.
extension CgroupV2 {
  func applyIO(_ resources: RuntimeSpec.Resources) throws(BerthError) {
    if let weight = resources.blockIOWeight, weight > 0 { try writeWeight("default", weight) }
    for device in resources.weightDevices { if let weight = device.weight { try writeWeight("\(device.major):\(device.minor)", weight) } }
    if (resources.blockIOLeafWeight ?? 0) > 0 || resources.weightDevices.contains(where: { $0.leafWeight != nil }) {
      throw BerthError(.unsupported, "limit cgroup", "linux.resources.blockIO.leafWeight", cause: "is cgroup v1's")
    }
    for throttle in resources.throttles {
      let limit = throttle.rate == 0 ? "max" : String(throttle.rate)
      try group.write("\(throttle.major):\(throttle.minor) \(Self.throttleKey(throttle.kind))=\(limit)", to: "io.max", of: "")
    }
  }

  /// The file depends on the block layer's scheduler: bfq's takes v1's numbers.
  private func writeWeight(_ target: String, _ weight: UInt16) throws(BerthError) {
    do throws(BerthError) { try group.write("\(target) \(Self.ioWeight(weight))", to: "io.weight", of: "") } catch {
      guard error.code == .unsupported else { throw error }
      try group.write("\(target) \(weight)", to: "io.bfq.weight", of: "")
    }
  }

  private static func throttleKey(_ kind: RuntimeSpec.ThrottleKind) -> String {
    switch kind {
    case .readBytes: "rbps"
    case .writeBytes: "wbps"
    case .readOperations: "riops"
    case .writeOperations: "wiops"
    }
  }

  /// v1's 10…1000 onto v2's 1…10000.
  static func ioWeight(_ weight: UInt16) -> UInt64 { 1 + (UInt64(min(max(weight, 10), 1000)) - 10) * 9999 / 990 }
}
