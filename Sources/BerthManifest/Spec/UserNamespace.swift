import BerthCore

/// Whose ids the users of a pod have.
public enum UserNamespace: Hashable, Sendable {
  /// The node's.
  case none
  /// A range of the node's that no other pod has, chosen when the pod is made.
  case auto
  case mapped(uids: [IDRange], gids: [IDRange])
}

/// `size` ids from `container` on, which on the node are those from `host` on.
public struct IDRange: Hashable, Sendable {
  public var container: UInt32
  public var host: UInt32
  public var size: UInt32

  public init(container: UInt32, host: UInt32, size: UInt32) {
    self.container = container
    self.host = host
    self.size = size
  }

  /// Why these can't be the map of a namespace; nil: they can.
  static func fault(_ ranges: [IDRange]) -> String? {
    if ranges.isEmpty { return "is empty" }
    if ranges.count > 100 { return "has more than 100 ranges" }
    for (at, range) in ranges.enumerated() {
      guard !range.container.addingReportingOverflow(range.size).overflow, !range.host.addingReportingOverflow(range.size).overflow else {
        return "range \(at + 1) goes beyond the last id"
      }
      for other in ranges.prefix(at) where range.overlaps(other, \.container) || range.overlaps(other, \.host) {
        return "range \(at + 1) overlaps another"
      }
    }
    return ranges.contains { $0.container == 0 } ? nil : "maps no id 0, which sets the pod up"
  }

  private func overlaps(_ other: IDRange, _ side: KeyPath<IDRange, UInt32>) -> Bool {
    let (mine, theirs) = (UInt64(self[keyPath: side]), UInt64(other[keyPath: side]))
    return mine < theirs + UInt64(other.size) && theirs < mine + UInt64(size)
  }
}

extension UserNamespace {
  var json: JSON {
    switch self {
    case .none: .string("none")
    case .auto: .string("auto")
    case .mapped(let uids, let gids): ["uid_map": Self.json(uids), "gid_map": Self.json(gids)]
    }
  }

  private static func json(_ ranges: [IDRange]) -> JSON {
    .array(
      ranges.map { ["container": .integer(Int64($0.container)), "host": .integer(Int64($0.host)), "size": .integer(Int64($0.size))] })
  }

  /// nil for what is none.
  init?(json: JSON) {
    switch json.string {
    case "none": self = .none
    case "auto": self = .auto
    case .some: return nil
    case nil:
      guard let uids = Self.ranges(json["uid_map"]), let gids = Self.ranges(json["gid_map"]) else { return nil }
      self = .mapped(uids: uids, gids: gids)
    }
  }

  private static func ranges(_ json: JSON?) -> [IDRange]? {
    guard let items = json?.array else { return nil }
    let ranges = items.compactMap { item -> IDRange? in
      let numbers = ["container", "host", "size"].compactMap { item[$0]?.integer.flatMap { UInt32(exactly: $0) } }
      return numbers.count == 3 ? IDRange(container: numbers[0], host: numbers[1], size: numbers[2]) : nil
    }
    return ranges.count == items.count ? ranges : nil
  }
}
