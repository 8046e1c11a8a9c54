import BerthCore
import BerthManifest
import BerthPlan

/// From the directory's word to the workers.
extension Node {
  func apply(_ word: ManifestDirectory.Update) {
    var update = word
    for key in handMade.holdBack(&update) {
      events.record(
        "NameTaken", "a manifest asks for it, but a container made by hand has the name; berth container rm frees it", pod: key,
        severity: .warning)
    }
    if let warning = update.warning, warning != desired.warning {
      events.record("DirectoryWarning", warning, severity: .warning)
    }
    if update.isResync { lookForDrift() }
    for (key, entry) in update.entries where entry.desired?.spec.nodeSelector.isEmpty == false { update.entries[key] = placed(entry) }
    if let gate { admit(&update, gate) }
    desired.apply(update)
    pass(update.entries)
  }

  private func admit(_ update: inout ManifestDirectory.Update, _ gate: ApprovalGate) {
    for (key, word) in update.entries {
      let entry = gate.admit(word, key)
      update.entries[key] = entry
      if let notice = entry.notice ?? (entry.isUnapproved ? entry.desired?.suspension : nil), notice != desired.entry(key)?.notice {
        events.record("WaitingForApproval", notice, pod: key)
      }
    }
  }

  /// New pods that are only to be shown, thousands of them maybe, are all looked at by one task: a task for each would cost more than the
  /// look. One that is to run after all by the time that its turn has come gets its own.
  private func pass(_ entries: [PodKey: DesiredEntry]) {
    var quiet: [PodWorker] = []
    for (key, entry) in entries {
      isShuttingDown.withLock { isShuttingDown in
        if isShuttingDown { return }
        if entry.desired?.suspension != nil, let worker = newcomer(key), worker.post(entry) == .needsReader { return quiet.append(worker) }
        // Twice only if the worker retires in between.
        while !(workers.active(key) ?? workers.insert(PodWorker(key: key, services: services))).mark(entry) {}
      }
    }
    if quiet.isEmpty { return }
    let pool = services.pool
    Task(executorPreference: pool) { [quiet] in
      for worker in quiet {
        if worker.isQuiet { await worker.drain() } else { Task(executorPreference: pool) { await worker.drain() } }
      }
    }
  }

  /// The worker of a pod that had none.
  private func newcomer(_ key: PodKey) -> PodWorker? {
    guard workers.active(key) == nil else { return nil }
    let worker = PodWorker(key: key, services: services)
    return workers.insert(worker) === worker ? worker : nil
  }

  /// The word on one pod that comes from a person instead of the directory.
  func ask(for entry: DesiredEntry, _ key: PodKey) {
    desired.set(key, entry)
    pass([key: entry])
  }

  /// Changes by hand that no event tells of are looked for whenever everything is, in pods that can have some.
  private func lookForDrift() {
    for (key, entry) in desired.all() where entry.desired?.spec.canDrift == true { workers.worker(key)?.lookForDrift() }
  }

  /// What of it runs on this node.
  func placed(_ entry: DesiredEntry) -> DesiredEntry {
    guard let desired = entry.desired, !desired.spec.nodeSelector.isEmpty else { return entry }
    var entry = entry
    entry.desired = desired.placed(onNodeWith: labels)
    return entry
  }
}
