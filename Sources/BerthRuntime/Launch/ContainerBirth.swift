import BerthCore
import BerthLinux
import BerthOCI
import CBerthInit

/// A container's first process, just cloned, as its plan has it.
struct ContainerBirth {
  let pid: Int32
  let pidfd: Int32
  let startTimeTicks: UInt64
  /// What couldn't be done for it from outside.
  private(set) var warnings: [String] = []

  /// `reports`: the socket between launcher and process. `cgroup`: to be born in (v2), or -1. `shared`: two numbers, which get the pid by
  /// the kernel itself and that of a process which has ended by the return and is the container's parent's to reap, or 0.
  init(
    _ plan: InitPlan, reports: (mine: Int32, theirs: Int32), isSibling: Bool, cgroup: Int32, shared: UnsafeMutablePointer<Int32>, id: String
  ) throws(BerthError) {
    var arena = try PlanArena(plan)
    var birth = berth_birth()
    (birth.report, birth.launcher, birth.cgroup) = (reports.theirs, reports.mine, cgroup)
    birth.flags = plan.cloneFlags | (isSibling ? ContainerLauncher.siblingFlag : 0)
    (birth.cloned, birth.between) = (shared, shared + 1)
    birth.join_count = Int32(plan.birth.joins.count)
    withUnsafeMutableBytes(of: &birth.joins) { list in
      for (at, join) in plan.birth.joins.prefix(Int(BERTH_BIRTH_JOINS)).enumerated() {
        list.storeBytes(of: join.descriptor, toByteOffset: at * 8, as: Int32.self)
        list.storeBytes(of: Int32(truncatingIfNeeded: join.kind.cloneFlag), toByteOffset: at * 8 + 4, as: Int32.self)
      }
    }
    do throws(Errno) { pid = try call { Self.clone(&birth, &arena, plan.birth.timeOffsets) } } catch {
      throw BerthError(
        birth.failed == BERTH_BIRTH_CLONE ? .resourceExhausted : .failedPrecondition, "launch", id,
        cause: "\(Self.step(Int(birth.failed), plan)): \(error)")
    }
    pidfd = birth.pidfd
    startTimeTicks = (try? ProcessIdentity(of: pid))?.startTicks ?? 0
  }

  private static func clone(_ birth: inout berth_birth, _ arena: inout PlanArena, _ offsets: String?) -> Int32 {
    arena.withBlock { block, size in
      (birth.plan, birth.size) = (block, size)
      guard let offsets else { return berth_clone_container(&birth) }
      return offsets.withCString { text in
        birth.time_offsets = text
        return berth_clone_container(&birth)
      }
    } ?? -1
  }

  private static func step(_ number: Int, _ plan: InitPlan) -> String {
    if number == Int(BERTH_BIRTH_CLOCKS) { return "set clocks of time namespace" }
    guard plan.birth.joins.indices.contains(number) else { return "clone" }
    return "join \(plan.birth.joins[number].kind.rawValue) namespace \(plan.birth.joins[number].path)"
  }

  /// What only its launcher may do for a process in a user namespace, which waits for it at the other end of `socket`.
  mutating func complete(_ plan: InitPlan, _ socket: Int32, id: String) throws(BerthError) {
    let birth = plan.birth
    guard birth.isAwaited else { return }
    if let maps = birth.idMaps {
      do throws(Errno) {
        try UserNamespaces.write(uidMap: IDMaps.text(maps.uids), gidMap: IDMaps.text(maps.gids), of: pid)
      } catch {
        let hint = error == .invalid ? " (linux.uidMappings, gidMappings: do they overlap?)" : ""
        throw BerthError(.failedPrecondition, "launch", id, cause: "map ids of user namespace: \(error)\(hint)")
      }
    }
    if let score = birth.oomScore {
      do throws(Errno) { try Files.write(String(score), to: "/proc/\(pid)/oom_score_adj") } catch {
        warnings.append("set oom_score_adj \(score): \(error): left as it was")
      }
    }
    for limit in birth.hardLimits {
      // Where this process may not either, the limit stays as high as it is, and its own step says so.
      try? UserNamespaces.raiseHardLimit(of: pid, resource: limit.resource, to: limit.value)
    }
    LaunchReport.sayWord(over: socket)
  }
}
