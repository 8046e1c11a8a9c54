import BerthCore
import BerthRuntime

/// How this node's cgroups are mounted.
enum NodeCgroups {
  /// Looked for once: a call lasts milliseconds, and mountinfo may be long. nil: there are none.
  static let layout = try? CgroupLayout.detect()

  /// Throws why there are none.
  static func required() throws(BerthError) -> CgroupLayout { if let layout { layout } else { try CgroupLayout.detect() } }
}
