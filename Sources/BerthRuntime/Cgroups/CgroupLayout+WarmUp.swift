import BerthLinux

extension CgroupLayout {
  /// The file whose writing warms attaches up, nil where nothing needs it (v2: containers are cloned into their group).
  ///
  /// Moving a process into a v1 cgroup takes a lock that, after a pause of some 50 ms, first waits for a grace period of the kernel:
  /// 5 to 15 ms without using CPU. Writing `0` here moves the calling process to where it is already: it changes nothing, but takes
  /// that lock, so that an attach which follows soon doesn't wait, or waits only for the rest.
  public func attachWarmUpFile() -> String? {
    guard version == .v1, let membership = try? Files.readText("/proc/self/cgroup") else { return nil }
    for line in membership.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      for hierarchy in hierarchies
      where !hierarchy.controllers.isEmpty && Set(fields[1].split(separator: ",").map(String.init)).isSuperset(of: hierarchy.controllers) {
        let file = hierarchy.mountPoint + (fields[2] == "/" ? "" : fields[2]) + "/cgroup.procs"
        if Files.exists(file) { return file }
      }
    }
    return nil
  }
}
