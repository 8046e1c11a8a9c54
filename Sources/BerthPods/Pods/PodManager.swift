import BerthCore
import BerthImages
import BerthLinux
import BerthManifest
import BerthPlan

/// Makes pods, and finds those that earlier daemons made.
public struct PodManager: Sendable {
  public let context: PodContext

  public init(context: PodContext) { self.context = context }

  /// A new incarnation. On failure nothing of it is left.
  public func make(_ request: PodRequest) async throws(BerthError) -> Pod {
    let network = context.networks.resolve(request.spec.network)
    var record = PodRecord(
      uid: PodUID.make(), generation: request.generation, hash: request.hash, spec: request.spec, source: request.source,
      createdAt: Clock.wallNanoseconds())
    record.network = network
    record.successorTo = request.successorTo
    record.scheduledFor = request.scheduledFor
    record.createdAtBoot = Clock.bootNanoseconds()
    if let past = request.past { record.takeUp(past) }
    for reference in request.spec.imageReferences {
      let settled = request.images[reference]
      record.images[reference] = settled == nil ? try context.images.lookup(ImageReference(reference))?.digest.description : settled
    }
    let pod = Pod(record: record, context: context)
    do throws(BerthError) { try await pod.create() } catch {
      try? await pod.abandon()
      throw error
    }
    return pod
  }

  /// Pods of earlier daemons in this boot. Records of an earlier boot, and whatever else has no living owner, are removed;
  /// `report` gets what couldn't be. `ended`: pods that had ended before the node went down, given those that are there.
  public func adopt(
    ended: (Set<PodKey>) throws(BerthError) -> [PodRecord] = { _ in [] }, report: @escaping @Sendable (BerthError) -> Void
  ) async throws(BerthError) -> [AdoptedPod] {
    let isSameBoot = try checkBoot()
    var pods: [AdoptedPod] = []
    var records: [PodRecord] = []
    for uid in isSameBoot ? (try? Files.list(context.paths.pods)) ?? [] : [] where PodUID.isValid(uid) {
      do throws(BerthError) {
        records.append(try PodRecord.read(context.paths.pod(uid: uid).record))
      } catch {
        // Whose it was can't be told: it is swept, so that its pod is never run twice.
        report(error)
      }
    }
    for record in try ended(Set(records.map(\.spec.key))) {
      do throws(BerthError) {
        try restore(record)
        records.append(record)
      } catch { report(error) }
    }
    let roles = PodRoles.of(records)
    let living = Set(roles.flatMap { [$0.current.uid, $0.successor?.uid].compactMap { $0 } + $0.leaving.map(\.uid) })
    let restored = records.filter(\.isRestored)
    for failure in PodSweeper(context: context).sweep(living: living) { report(failure) }
    for record in restored { sweep(record, report) }
    // Before the pods: one whose networks aren't whole is put on them anew.
    await context.networks.adopt(living: living.subtracting(restored.map(\.uid)), report: report)
    for role in roles {
      var pod = AdoptedPod(key: role.current.spec.key, current: await adopted(role.current))
      if let record = role.successor { pod.successor = await adopted(record) }
      for record in role.leaving { pod.leaving.append(await adopted(record)) }
      pods.append(pod)
    }
    context.networks.check(shims(of: living), report: report)
    return pods
  }

  /// A pod that had ended before the node went down: its record is all that is made of it.
  private func restore(_ record: PodRecord) throws(BerthError) {
    let paths = context.paths.pod(uid: record.uid)
    do throws(Errno) { try Files.makeDirectory(paths.state) } catch {
      throw BerthError(error == .noSpace ? .resourceExhausted : .unavailable, "restore pod", paths.state, cause: "\(error)")
    }
    try record.write(to: paths.record)
  }

  /// Of what the node's end left of it, its logs alone are kept, and those not beyond the time that the manifest gives them.
  private func sweep(_ record: PodRecord, _ report: (BerthError) -> Void) {
    let logs = record.spec.ttlAfterFinished == nil ? nil : context.paths.pod(uid: record.uid).logDirectory(record.spec.key)
    do throws(BerthError) { try PodSweeper(context: context).release(uid: record.uid, logs: logs) } catch { report(error) }
  }

  private func adopted(_ record: PodRecord) async -> Pod {
    let pod = Pod(record: record, context: context)
    await pod.adopt()
    return pod
  }

  private func shims(of uids: Set<String>) -> [String: ProcessIdentity] {
    Dictionary(
      uids.compactMap { uid in (try? PodFacts.read(context.paths.pod(uid: uid).state))?.shim.map { (uid, $0) } },
      uniquingKeysWith: { first, _ in first })
  }

  /// Whether the state folder is of this boot; makes it so.
  private func checkBoot() throws(BerthError) -> Bool {
    let path = "\(context.paths.state)/boot_id"
    do throws(Errno) {
      let now = try Clock.bootID()
      let isSame = (try? Files.readText(path)) == now
      if !isSame { try Files.writeAtomically(now.utf8, to: path) }
      return isSame
    } catch { throw BerthError(.unavailable, "prepare state folder", path, cause: "\(error)") }
  }

  /// Ends every pod of this root at once and removes every trace: `berthd teardown`.
  public func tearDown() async -> [BerthError] {
    let failures = PodSweeper(context: context).sweep(living: []) + (await context.networks.tearDown())
    await removeUnused()
    return failures
  }

  /// The cgroup and the network of all pods, once there are none: the node looks as if this root had never been used.
  public func removeUnused() async {
    // Best effort: the next daemon uses them, or removes them.
    try? await context.networks.removeUnused()
    removeEmptyParent()
  }

  private func removeEmptyParent() {
    guard let parent = try? context.cgroup(context.cgroupParent), (try? parent.children())?.allSatisfy({ $0 == ShimHome.name }) == true
    else { return }
    context.shims.home.remove()
  }
}

extension PodRecord {
  /// It goes on where the node's end interrupted it.
  fileprivate mutating func takeUp(_ past: PodPast) {
    self.past = past.containers
    // Its `active_deadline` counts from its first start.
    guard spec.activeDeadline != nil else { return }
    createdAtBoot = Clock.bootNanoseconds() &- max(0, createdAt &- past.startedAt.nanoseconds)
    createdAt = past.startedAt.nanoseconds
  }
}

/// The incarnations of one pod that an earlier daemon made.
public struct AdoptedPod: Sendable {
  public var key: PodKey
  public var current: Pod
  public var successor: Pod?
  public var leaving: [Pod] = []
}

extension Pod {
  /// Undoes a creation that failed half-way.
  func abandon() async throws(BerthError) {
    link.connection?.close()
    link = .lost
    await context.networks.detachEventually(uid) { _ in }
    try PodSweeper(context: context).remove(uid: uid, logs: nil)
  }
}
