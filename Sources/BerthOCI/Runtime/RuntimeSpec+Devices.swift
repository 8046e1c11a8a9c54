import BerthCore

/// Limits of single devices: disks, RDMA adapters, network interfaces. Source: config-linux.md "Control groups".
extension RuntimeSpec {
  /// A block device's weight (10 to 1000) among those of other groups; the members that are nil stay as they are.
  public struct WeightDevice: Sendable, Hashable {
    public var major: UInt32
    public var minor: UInt32
    public var weight: UInt16?
    public var leafWeight: UInt16?
    public init(major: UInt32, minor: UInt32, weight: UInt16? = nil, leafWeight: UInt16? = nil) {
      self.major = major
      self.minor = minor
      self.weight = weight
      self.leafWeight = leafWeight
    }
  }

  /// Handles and objects of an RDMA adapter; nil: unlimited.
  public struct RDMALimit: Sendable, Hashable {
    public var device: String
    public var hcaHandles: UInt32?
    public var hcaObjects: UInt32?
    public init(_ device: String, hcaHandles: UInt32? = nil, hcaObjects: UInt32? = nil) {
      self.device = device
      self.hcaHandles = hcaHandles
      self.hcaObjects = hcaObjects
    }
  }

  /// Marks of a group's packets, of cgroup v1.
  public struct NetworkMarks: Sendable, Hashable {
    public var classID: UInt32?
    public var priorities: [Priority] = []
    public init() {}

    public struct Priority: Sendable, Hashable {
      public var interface: String
      public var priority: UInt32
      public init(_ interface: String, _ priority: UInt32) {
        self.interface = interface
        self.priority = priority
      }
    }
  }
}

extension RuntimeSpec.Resources {
  mutating func readDevices(_ reader: SpecReader) throws(BerthError) {
    if let block = try reader.child("blockIO") {
      blockIOWeight = try block.number("weight")
      blockIOLeafWeight = try block.number("leafWeight")
      for entry in try block.children("weightDevice") { weightDevices.append(try RuntimeSpec.WeightDevice(entry)) }
      for kind in RuntimeSpec.ThrottleKind.allCases {
        for entry in try block.children("throttle\(kind.rawValue)Device") { throttles.append(try RuntimeSpec.Throttle(kind, entry)) }
      }
    }
    for (device, limit) in try reader.members("rdma") {
      rdma.append(.init(device, hcaHandles: try limit.number("hcaHandles"), hcaObjects: try limit.number("hcaObjects")))
    }
    guard let network = try reader.child("network") else { return }
    self.network.classID = try network.number("classID")
    for entry in try network.children("priorities") {
      guard let priority = try entry.number("priority", as: UInt32.self) else { throw SpecReader.failure(entry.path, "has no priority") }
      self.network.priorities.append(.init(try entry.required("name"), priority))
    }
  }

  func putDevices(_ out: inout SpecWriter) {
    out.put("blockIO", blockWriter())
    var adapters = SpecWriter()
    for limit in rdma {
      adapters.putAlways(
        limit.device,
        .build {
          $0.put("hcaHandles", limit.hcaHandles)
          $0.put("hcaObjects", limit.hcaObjects)
        })
    }
    out.put("rdma", adapters)
    out.put(
      "network",
      .build {
        $0.put("classID", network.classID)
        $0.put(
          "priorities",
          network.priorities.map { entry in
            .build {
              $0.put("name", entry.interface)
              $0.put("priority", entry.priority)
            }
          })
      })
  }

  private func blockWriter() -> SpecWriter {
    .build {
      $0.put("weight", blockIOWeight)
      $0.put("leafWeight", blockIOLeafWeight)
      $0.put("weightDevice", weightDevices.map { $0.writer() })
      for kind in RuntimeSpec.ThrottleKind.allCases {
        $0.put("throttle\(kind.rawValue)Device", throttles.filter { $0.kind == kind }.map { $0.writer() })
      }
    }
  }
}

extension RuntimeSpec.WeightDevice {
  fileprivate init(_ reader: SpecReader) throws(BerthError) {
    guard let major = try reader.number("major", as: UInt32.self), let minor = try reader.number("minor", as: UInt32.self) else {
      throw SpecReader.failure(reader.path, "names no device")
    }
    self.init(major: major, minor: minor, weight: try reader.number("weight"), leafWeight: try reader.number("leafWeight"))
  }

  fileprivate func writer() -> SpecWriter {
    .build {
      $0.put("major", major)
      $0.put("minor", minor)
      $0.put("weight", weight)
      $0.put("leafWeight", leafWeight)
    }
  }
}

extension RuntimeSpec.Throttle {
  fileprivate init(_ kind: RuntimeSpec.ThrottleKind, _ reader: SpecReader) throws(BerthError) {
    guard let major = try reader.number("major", as: UInt32.self), let minor = try reader.number("minor", as: UInt32.self) else {
      throw SpecReader.failure(reader.path, "names no device")
    }
    self.init(kind, major: major, minor: minor, rate: try reader.number("rate") ?? 0)
  }

  fileprivate func writer() -> SpecWriter {
    .build {
      $0.put("major", major)
      $0.put("minor", minor)
      $0.put("rate", rate)
    }
  }
}
