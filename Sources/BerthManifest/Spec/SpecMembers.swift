import BerthCore

/// The members of a pod's or container's object, in their order. Those that are as usual can be left out, and then aren't even made: for a
/// disk, where readers of any version put the default in their place, and to compare two specs.
struct SpecMembers {
  private(set) var object = JSONObject()
  private let leavesOutUsual: Bool

  init(leavesOutUsual: Bool) { self.leavesOutUsual = leavesOutUsual }

  mutating func add(_ key: String, _ value: @autoclosure () -> JSON, isUsual: Bool = false) {
    if !(isUsual && leavesOutUsual) { object[key] = value() }
  }
}
