import BerthCore
import BerthLinux
import BerthOCI

extension CgroupLayout {
  /// From /proc/self/mountinfo. v2 only where its tree has the controllers; the hybrid form is v1.
  public static func detect() throws(BerthError) -> CgroupLayout {
    throw BerthError(.unsupported, "detect cgroups", cause: "not built yet")
  }
}

extension Cgroup {
  private func later() -> BerthError { BerthError(.unsupported, "cgroup", path, cause: "not built yet") }

  /// Makes the group and the missing ones above it, then applies `resources`. One that is there already is fine.
  public func create(_ resources: RuntimeSpec.Resources) throws(BerthError) { throw later() }
  /// Moves a process in. Once `create` has returned.
  public func attach(_ pid: Int32) throws(BerthError) { throw later() }
  /// Changes limits in place; members that are nil stay. `.failedPrecondition` for a memory limit below what is in use, with the figure.
  public func update(_ resources: RuntimeSpec.Resources) throws(BerthError) { throw later() }
  public func stats() throws(BerthError) -> CgroupStats { throw later() }
  /// The `oomKills` of `stats` alone.
  public func oomKills() throws(BerthError) -> UInt64 { throw later() }
  /// Returns when every process has stopped.
  public func freeze() throws(BerthError) { throw later() }
  public func thaw() throws(BerthError) { throw later() }
  /// SIGKILL to every process of the group and those below it. They may still be dying after the return.
  public func killAll() throws(BerthError) { throw later() }
  /// Pids of the group itself and of those below it, as this pid namespace numbers them.
  public func processes() throws(BerthError) -> [Int32] { throw later() }
  /// Removes the group and those below it from every hierarchy. One that isn't there is fine. `.failedPrecondition` while processes live.
  public func remove() throws(BerthError) { throw later() }
  /// The names of the groups directly below, sorted; empty where the group isn't there.
  public func children() throws(BerthError) -> [String] { throw later() }
  public func exists() -> Bool { false }
}
