import BerthCore

extension Pod {
  /// Another incarnation takes over from it.
  public func retire() async {
    context.networks.setServing(uid, false)
    if record.isBeingRemoved { return }
    record.isBeingRemoved = true
    // On a full disk, too, an update goes on; only a later daemon then doesn't know.
    try? save()
  }

  /// It serves from now on.
  public func takeOver() async throws(BerthError) {
    guard let before = record.successorTo else { return }
    record.successorTo = nil
    do throws(BerthError) { try save() } catch {
      record.successorTo = before
      throw error
    }
    context.networks.setServing(uid, true)
  }

  /// A newer run of its schedule is the one that its pod's name leads to; this one goes on.
  public func setAside() async throws(BerthError) {
    context.networks.setServing(uid, false)
    if record.isEarlierRun { return }
    record.isEarlierRun = true
    do throws(BerthError) { try save() } catch {
      record.isEarlierRun = false
      throw error
    }
  }
}
