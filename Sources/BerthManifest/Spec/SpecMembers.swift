import BerthCore

/// The members of a pod's or container's object, in their order. For a disk the ones that have their default are left out, and are not
/// even made: readers of any version put the default in their place.
struct SpecMembers {
  private(set) var object = JSONObject()
  private let leavesOutDefaults: Bool

  init(_ disclosure: SpecDisclosure) { leavesOutDefaults = disclosure == .disk }

  mutating func add(_ key: String, _ value: @autoclosure () -> JSON, isUsual: Bool = false) {
    if !(isUsual && leavesOutDefaults) { object[key] = value() }
  }
}
