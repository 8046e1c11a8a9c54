import BerthCore
import BerthOCI

/// Limits of single devices and of network packets on v1.
extension CgroupV1 {
  func applyBlockIO(_ resources: RuntimeSpec.Resources) throws(BerthError) {
    // 0 stands for "as it is", as every engine sends it.
    if let weight = resources.blockIOWeight, weight > 0 { try writeWeight(String(weight), "weight") }
    if let weight = resources.blockIOLeafWeight, weight > 0 { try group.write(String(weight), to: "blkio.leaf_weight", of: "blkio") }
    for device in resources.weightDevices {
      let number = "\(device.major):\(device.minor)"
      if let weight = device.weight { try writeWeight("\(number) \(weight)", "weight_device") }
      if let weight = device.leafWeight { try group.write("\(number) \(weight)", to: "blkio.leaf_weight_device", of: "blkio") }
    }
    for throttle in resources.throttles {
      let file = "blkio.throttle.\(Self.throttleFile(throttle.kind))_device"
      try group.write("\(throttle.major):\(throttle.minor) \(throttle.rate)", to: file, of: "blkio")
    }
  }

  private static func throttleFile(_ kind: RuntimeSpec.ThrottleKind) -> String {
    switch kind {
    case .readBytes: "read_bps"
    case .writeBytes: "write_bps"
    case .readOperations: "read_iops"
    case .writeOperations: "write_iops"
    }
  }

  /// The file depends on the block layer's scheduler.
  private func writeWeight(_ value: String, _ file: String) throws(BerthError) {
    do throws(BerthError) { try group.write(value, to: "blkio.bfq.\(file)", of: "blkio") } catch {
      guard error.code == .unsupported else { throw error }
      try group.write(value, to: "blkio.\(file)", of: "blkio")
    }
  }

  func applyNetwork(_ network: RuntimeSpec.NetworkMarks) throws(BerthError) {
    if let classID = network.classID { try group.write(String(classID), to: "net_cls.classid", of: "net_cls") }
    for entry in network.priorities { try group.write("\(entry.interface) \(entry.priority)", to: "net_prio.ifpriomap", of: "net_prio") }
  }
}

extension Cgroup {
  /// The file is the same on both versions; `controller` is empty on v2.
  func applyRDMA(_ limits: [RuntimeSpec.RDMALimit], of controller: String) throws(BerthError) {
    for limit in limits {
      guard limit.device.utf8.allSatisfy({ $0 > 32 && $0 != 127 }), !limit.device.isEmpty else {
        throw BerthError(.invalidArgument, "limit cgroup", "linux.resources.rdma", cause: "no name of a device: \"\(limit.device)\"")
      }
      let handles = limit.hcaHandles.map(String.init) ?? "max"
      let objects = limit.hcaObjects.map(String.init) ?? "max"
      try write("\(limit.device) hca_handle=\(handles) hca_object=\(objects)", to: "rdma.max", of: controller)
    }
  }

  /// `file`: what the limit is called in each version. Where the kernel counts reservations apart, those are limited too.
  func applyHugePages(_ limits: [RuntimeSpec.HugepageLimit], _ file: String, of controller: String) throws(BerthError) {
    for limit in limits {
      // It becomes part of a file's name.
      guard limit.pageSize.utf8.allSatisfy({ (48...57).contains($0) || (65...90).contains($0) }) else {
        throw BerthError(
          .invalidArgument, "limit cgroup", "linux.resources.hugepageLimits", cause: "no page size: \"\(limit.pageSize)\"")
      }
      try write(String(limit.limit), to: "hugetlb.\(limit.pageSize).\(file)", of: controller)
      do throws(BerthError) { try write(String(limit.limit), to: "hugetlb.\(limit.pageSize).rsvd.\(file)", of: controller) } catch {
        guard error.code == .unsupported else { throw error }
      }
    }
  }
}
