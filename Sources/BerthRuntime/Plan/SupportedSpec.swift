import BerthCore
import BerthOCI

/// The one place that says which fields of config.json this runtime doesn't implement. They are refused, never left out in silence.
enum SupportedSpec {
  static func check(_ spec: RuntimeSpec, terminal: Bool = false, hooks: Bool = false) throws(BerthError) {
    if let field = spec.notModelled.first { throw BerthError(.unsupported, "plan", field, cause: cause(field)) }
    if let field = firstUnsupported(spec, terminal: terminal, hooks: hooks) {
      throw BerthError(.unsupported, "plan", field, cause: "is not supported yet")
    }
  }

  private static func cause(_ field: String) -> String {
    field == "linux.intelRdt"
      ? "no resctrl groups are made: give the container's cache and memory bandwidth to its cgroup's processes on the node"
      : "is of another operating system"
  }

  private static func firstUnsupported(_ spec: RuntimeSpec, terminal: Bool, hooks: Bool) -> String? {
    if !hooks, !spec.hooks.isEmpty { return "hooks" }
    // Handed over by whoever runs hooks, too.
    if !hooks, spec.linux?.netDevices.isEmpty == false { return "linux.netDevices" }
    if let process = spec.process {
      if !terminal, process.terminal { return "process.terminal" }
    }
    return nil
  }
}
