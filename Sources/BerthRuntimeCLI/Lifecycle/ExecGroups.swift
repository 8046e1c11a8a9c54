import BerthCore
import BerthLinux
import BerthRuntime

/// Where a further process is put: the container's own group, or what `--cgroup` names below it, for all hierarchies or (v1) for those of
/// some controllers alone. Source: runc-exec(8).
struct ExecGroups {
  private let own: Cgroup
  /// By controller; "" for all others.
  private var below: [String: Cgroup] = [:]

  /// `words`: `[CONTROLLER[,CONTROLLER]:]PATH` each.
  init(_ own: Cgroup, _ words: [String]) throws(BerthError) {
    self.own = own
    for word in words where !word.isEmpty {
      let parts = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let names = parts.count == 2 ? parts[0].split(separator: ",").map(String.init) : [""]
      guard own.layout.version == .v1 || names == [""] else {
        throw Self.failure(word, "cgroup v2 has one hierarchy: write the path alone")
      }
      let path = parts[parts.count - 1].split(separator: "/").joined(separator: "/")
      guard let group = path.isEmpty ? own : Cgroup("\(own.path)/\(path)", in: own.layout) else {
        throw Self.failure(word, "is no path below the container's cgroup")
      }
      for name in names {
        guard name.isEmpty || own.layout.hierarchies.contains(where: { $0.controllers.contains(name) }) else {
          throw Self.failure(word, "there is no controller \"\(name)\"")
        }
        below[name] = group
      }
    }
    for hierarchy in own.layout.hierarchies where !Files.exists(hierarchy.mountPoint + group(in: hierarchy).path) {
      throw Self.failure(group(in: hierarchy).path, "there is no such cgroup in \(hierarchy.mountPoint)")
    }
  }

  private static func failure(_ word: String, _ cause: String) -> BerthError {
    BerthError(.invalidArgument, "exec", "--cgroup \(word)", cause: cause)
  }

  private func group(in hierarchy: CgroupLayout.Hierarchy) -> Cgroup {
    for name in hierarchy.controllers { if let group = below[name] { return group } }
    return below[""] ?? own
  }

  func joins() throws(BerthError) -> [CgroupJoin] {
    var joins = try own.joins()
    for (at, hierarchy) in own.layout.hierarchies.enumerated() where joins.indices.contains(at) {
      joins[at].path = "\(group(in: hierarchy).path.dropFirst())/tasks"
    }
    return joins
  }

  func openForClone() throws(BerthError) -> FD? { try (below[""] ?? own).openForClone() }

  func verify(_ pid: Int32) throws(BerthError) { try own.verify(pid) { group(in: $0).path } }
}
