import BerthCore
import BerthLinux
import BerthOCI

extension Cgroup {
  /// Makes the group and the missing ones above it, then applies `resources`. One that is there already is fine: several processes may
  /// make groups under the same parent at once.
  public func create(_ resources: RuntimeSpec.Resources) throws(BerthError) {
    for hierarchy in layout.hierarchies {
      do throws(Errno) { try makeDirectory(hierarchy, path) } catch { throw failure("create cgroup", error, "in \(hierarchy.mountPoint)") }
    }
    try apply(resources, isNew: true)
  }

  private func makeDirectory(_ hierarchy: CgroupLayout.Hierarchy, _ path: String) throws(Errno) {
    let parent = Files.parent(of: path)
    // All of the groups above must pass v2's controllers on; v1's directories above are there unless this is the first pod.
    if layout.version == .v2 {
      if parent != "/" { try makeDirectory(hierarchy, parent) }
      try passOnControllers(parent == "/" ? hierarchy.mountPoint : hierarchy.mountPoint + parent)
    }
    do throws(Errno) { try Files.makeDirectory(hierarchy.mountPoint + path, mode: 0o755) } catch {
      guard error == .notFound, parent != "/" else { throw error }
      try makeDirectory(hierarchy, parent)
      try Files.makeDirectory(hierarchy.mountPoint + path, mode: 0o755)
    }
    if hierarchy.controllers.contains("cpuset") { try fillCPUSet(path, hierarchy) }
  }

  /// A new v1 cpuset has no CPU and no memory node, and takes no process before it has both: it gets those of the group above. That one
  /// can be as new: its maker may not have come so far yet, or was killed.
  private func fillCPUSet(_ path: String, _ hierarchy: CgroupLayout.Hierarchy) throws(Errno) {
    let directory = hierarchy.mountPoint + path
    for file in ["cpuset.cpus", "cpuset.mems"] {
      guard try Self.isBlank("\(directory)/\(file)") else { continue }
      let parent = Files.parent(of: path)
      if parent != "/" { try fillCPUSet(parent, hierarchy) }
      try Files.write(try Files.readText("\(Files.parent(of: directory))/\(file)"), to: "\(directory)/\(file)")
    }
  }

  private static func isBlank(_ file: String) throws(Errno) -> Bool { try Files.readText(file).allSatisfy { $0 == "\n" } }

  private static let passedOn: Set = ["cpu", "cpuset", "io", "memory", "pids", "hugetlb", "rdma"]

  private func passOnControllers(_ directory: String) throws(Errno) {
    let available = try Files.readText("\(directory)/cgroup.controllers").split(whereSeparator: \.isWhitespace).map(String.init)
    let enabled = Set(try Files.readText("\(directory)/cgroup.subtree_control").split(whereSeparator: \.isWhitespace).map(String.init))
    let missing = available.filter { Self.passedOn.contains($0) && !enabled.contains($0) }
    if !missing.isEmpty { try Files.write(missing.map { "+\($0)" }.joined(separator: " "), to: "\(directory)/cgroup.subtree_control") }
  }

  /// Changes limits in place; members that are nil stay, device rules stay. `.failedPrecondition` for a memory limit below what is in
  /// use, with the figure.
  public func update(_ resources: RuntimeSpec.Resources) throws(BerthError) { try apply(resources, isNew: false) }

  private func apply(_ resources: RuntimeSpec.Resources, isNew: Bool) throws(BerthError) {
    switch layout.version {
    case .v1: try CgroupV1(group: self).apply(resources, isNew: isNew)
    case .v2: try CgroupV2(group: self).apply(resources, isNew: isNew)
    }
  }

  /// The group's directory, for CLONE_INTO_CGROUP; nil on v1, where a process is attached once it is there.
  public func openForClone() throws(BerthError) -> FD? {
    guard layout.version == .v2, let directory = directories.first else { return nil }
    do throws(Errno) { return try Files.openDirectory(directory) } catch { throw failure("open cgroup", error) }
  }

  /// Moves a process in. Once `create` has returned. The first attach after some quiet waits 5 to 15 ms for the kernel's RCU on v1.
  public func attach(_ pid: Int32) throws(BerthError) {
    for directory in directories {
      do throws(Errno) { try Files.write(String(pid), to: "\(directory)/cgroup.procs") } catch { throw failure("attach to cgroup", error) }
    }
  }

  /// Throws `.bug` unless the process is in this group in every hierarchy.
  public func verify(_ pid: Int32) throws(BerthError) { try verify(pid) { _ in path } }

  /// As above, with another group of `place` in each.
  public func verify(_ pid: Int32, _ place: (CgroupLayout.Hierarchy) -> String) throws(BerthError) {
    let membership: [UInt8]
    do throws(Errno) { membership = try Files.read("/proc/\(pid)/cgroup") } catch { throw failure("verify cgroup", error) }
    for hierarchy in layout.hierarchies {
      let path = place(hierarchy)
      let controllers = layout.version == .v2 ? [""] : hierarchy.controllers
      guard controllers.allSatisfy({ Self.says(membership, $0, endsWith: path.utf8) }) else {
        throw BerthError(.bug, "verify cgroup", path, cause: "process \(pid) is not in it in \(hierarchy.mountPoint)")
      }
    }
  }

  /// Whether /proc/PID/cgroup has a line `NUMBER:CONTROLLERS:PATH` of that controller ("" for v2, which names none) and the end of a path.
  private static func says(_ membership: [UInt8], _ controller: String, endsWith path: String.UTF8View) -> Bool {
    var lines = membership[...]
    while var line = lines.popField(10) {
      guard line.popField(58) != nil, var controllers = line.popField(58) else { continue }
      guard line.suffix(path.count).elementsEqual(path) else { continue }
      if controllers.isEmpty, controller.isEmpty { return true }
      while let name = controllers.popField(44) { if name.elementsEqual(controller.utf8) { return true } }
    }
    return false
  }
}
