import BerthCore

/// One field that differs between two specs of a pod.
public struct FieldChange: Hashable, Sendable, CustomStringConvertible {
  /// As the manifest nests it, containers and volumes by name: `container.web.resources.memory`.
  public var path: String
  /// As the spec prints it; empty where there was nothing.
  public var old: String
  public var new: String
  /// Whether a running pod can take it over; otherwise it is made anew.
  public var inPlace: Bool

  public init(path: String, old: String, new: String, inPlace: Bool) {
    self.path = path
    self.old = old
    self.new = new
    self.inPlace = inPlace
  }

  public var description: String { "\(path): \(old.isEmpty ? "(none)" : old) → \(new.isEmpty ? "(none)" : new)" }
}

/// What differs between two specs, every default filled in.
public enum SpecDiff {
  private static let pair = ["container", "init_container", "volume"]
  private static let podInPlace: Set<String> = [
    "labels", "annotations", "restart_policy", "restart_backoff", "termination_grace_period", "resources", "depends_on", "active_deadline",
    "ttl_after_finished", "on_drift", "update",
    "node_selector",
  ]
  private static let containerInPlace: Set<String> = [
    "resources", "log", "liveness_probe", "readiness_probe", "startup_probe", "post_start", "pre_stop",
  ]

  /// In the order of the manifest reference; empty for equal specs.
  public static func changes(from old: PodSpec, to new: PodSpec) -> [FieldChange] {
    guard old != new else { return [] }
    var changes: [FieldChange] = []
    compare(old.difference(from: new), new.difference(from: old), [], &changes)
    let live = new.volumes.filter { volume in volume.source.fileSet.map { $0.onChange != .restart } ?? false }.map(\.name)
    return changes.map { settled($0, live: live) }
  }

  /// Changed content is taken over by a running pod where the volume says so, and secrets are never shown. `live`: such volumes.
  private static func settled(_ change: FieldChange, live: [String]) -> FieldChange {
    var change = change
    let parts = change.path.split(separator: ".", maxSplits: 4).map(String.init)
    if parts.last == SecuritySpec.profileKey { return profile(change) }
    guard parts.count > 2, parts[0] == "volume", ["config", "secret"].contains(parts[2]) else { return change }
    let isContent = parts.count > 3 && ["files", "from"].contains(parts[3])
    if parts.count > 3, parts[3] == "on_change" { change.inPlace = true }
    if isContent && live.contains(parts[1]) { change.inPlace = true }
    if isContent && parts[2] == "secret" {
      if !change.old.isEmpty { change.old = FileSet.redacted }
      if !change.new.isEmpty { change.new = FileSet.redacted }
    }
    return change
  }

  /// A profile is hundreds of lines: its digest tells that it is another.
  private static func profile(_ change: FieldChange) -> FieldChange {
    func digest(_ text: String) -> String { text.isEmpty ? "" : "sha256:\(SHA256.hexDigest(Array(text.utf8)).prefix(12))" }
    var change = change
    // A record of an earlier version doesn't tell what the profile was: that is no reason to restart anything.
    if change.old.isEmpty { change.inPlace = true }
    (change.old, change.new) = (digest(change.old), digest(change.new))
    return change
  }

  private static func compare(_ old: JSON?, _ new: JSON?, _ path: [String], _ changes: inout [FieldChange]) {
    if path.count == 1, let list = path.first, pair.contains(list) {
      compareNamed(old?.array ?? [], new?.array ?? [], list, &changes)
    } else if let from = old?.object, let to = new?.object {
      for member in from { compare(member.value, to[member.key], path + [member.key], &changes) }
      for member in to where from[member.key] == nil { compare(nil, member.value, path + [member.key], &changes) }
    } else if old != new {
      changes.append(FieldChange(path: path.joined(separator: "."), old: text(old), new: text(new), inPlace: isInPlace(path)))
    }
  }

  /// Elements by name; one that comes or goes is one change, and so is another order.
  private static func compareNamed(_ old: [JSON], _ new: [JSON], _ list: String, _ changes: inout [FieldChange]) {
    func named(_ items: [JSON]) -> [(name: String, json: JSON)] { items.compactMap { item in item["name"]?.string.map { ($0, item) } } }
    let from = named(old)
    let to = named(new)
    for (name, json) in from {
      guard let other = to.first(where: { $0.name == name }) else {
        changes.append(FieldChange(path: "\(list).\(name)", old: summary(json), new: "", inPlace: canComeAndGo(json, list)))
        continue
      }
      compare(json, other.json, [list, name], &changes)
    }
    for (name, json) in to where !from.contains(where: { $0.name == name }) {
      changes.append(FieldChange(path: "\(list).\(name)", old: "", new: summary(json), inPlace: canComeAndGo(json, list)))
    }
    let kept = from.map(\.name).filter { name in to.contains { $0.name == name } }
    let order = to.map(\.name).filter { name in from.contains { $0.name == name } }
    if kept != order {
      changes.append(FieldChange(path: list, old: kept.joined(separator: ", "), new: order.joined(separator: ", "), inPlace: false))
    }
  }

  /// A container that is added or taken away leaves the others alone, unless the pod's network has to publish ports for it.
  private static func canComeAndGo(_ json: JSON, _ list: String) -> Bool {
    list == "container" && (json["ports"]?.array ?? []).allSatisfy { $0["host"]?.isNull != false }
  }

  private static func isInPlace(_ path: [String]) -> Bool {
    guard let first = path.first else { return false }
    if first == "container" || first == "init_container" { return path.count > 2 && containerInPlace.contains(path[2]) }
    return podInPlace.contains(first)
  }

  /// A container by its image, a volume by its kind.
  private static func summary(_ json: JSON) -> String {
    if let image = json["image"]?.string { return image }
    return ManifestSchema.volumeKinds.first { json[$0] != nil } ?? ""
  }

  private static func text(_ json: JSON?) -> String {
    switch json {
    case nil, .null?: ""
    case .string(let text)?: text
    case let json?: String(decoding: json.encoded(), as: UTF8.self)
    }
  }
}
