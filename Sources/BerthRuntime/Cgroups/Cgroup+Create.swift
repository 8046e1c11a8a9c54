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
    let text: String
    do throws(Errno) { text = try Files.readText("/proc/\(pid)/cgroup") } catch { throw failure("verify cgroup", error) }
    // Bytes, not characters: every launch does this.
    var (seen, paths): ([Substring.UTF8View], [Substring.UTF8View]) = ([], [])
    for line in text.utf8.split(separator: 10) {
      let fields = line.split(separator: 58, maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      for controller in fields[1].split(separator: 44, omittingEmptySubsequences: false) {
        seen.append(controller)
        paths.append(fields[2])
      }
    }
    for hierarchy in layout.hierarchies {
      let (controllers, path) = (layout.version == .v2 ? [""] : hierarchy.controllers, place(hierarchy).utf8)
      let isThere = { (name: String) in
        seen.indices.contains { seen[$0].elementsEqual(name.utf8) && paths[$0].suffix(path.count).elementsEqual(path) }
      }
      guard controllers.allSatisfy(isThere) else {
        throw BerthError(.bug, "verify cgroup", place(hierarchy), cause: "process \(pid) is not in it in \(hierarchy.mountPoint)")
      }
    }
  }
}
