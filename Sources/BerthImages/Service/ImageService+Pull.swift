import BerthCore
import BerthLinux
import BerthStore

/// One pull of one reference, for all who wait for it.
final class PullTask: Sendable {
  struct State {
    var waiting = 0
    var outcome: Result<Image, BerthError>?
    var listeners: [Int: @Sendable (PullEvent) -> Void] = [:]
    var next = 0
    /// Told to late comers first.
    var resolved: PullEvent?
  }
  let state = Monitor(State())
  /// Readable once nobody waits any more.
  let abandoned: FD

  init() throws(Errno) { abandoned = try ChildChannel.event() }

  func tell(_ event: PullEvent) {
    let listeners = state.with { state in
      if case .resolved = event { state.resolved = event }
      return Array(state.listeners.values)
    }
    for listener in listeners { listener(event) }
  }
}

extension ImageService {
  /// Fetches the image and unpacks what isn't here yet, in a berth-worker of its own. All who ask for the same reference meanwhile
  /// wait for the same worker. `progress` is called from other threads.
  public func pull(
    _ reference: ImageReference, progress: @escaping @Sendable (PullEvent) -> Void = { _ in }, cancellation: PullCancellation? = nil
  ) throws(BerthError) -> Image {
    let key = reference.description
    if case .rootfs(let path) = reference { return try directory(path) }
    if case .digest = reference { throw BerthError(.notFound, "pull image", key, cause: "a digest alone says no place to fetch it from") }
    let task = try join(reference, key)
    let listener = task.state.with { state -> Int in
      state.next += 1
      state.listeners[state.next] = progress
      return state.next
    }
    if let resolved = task.state.with({ $0.resolved }) { progress(resolved) }
    // Waking the wait below is all there is to do.
    let handler = cancellation?.onCancel { task.state.with { _ in } }
    defer { if let handler { cancellation?.forget(handler) } }
    let outcome = task.state.wait { state -> Result<Image, BerthError>? in
      if let outcome = state.outcome { return outcome }
      guard cancellation?.isCancelled == true else { return nil }
      return .failure(BerthError(.cancelled, "pull image", key, cause: "cancelled"))
    }
    leave(task, key, listener)
    return try outcome.get()
  }

  /// The pull that is under way for the reference, or a new one; the caller counts as waiting.
  private func join(_ reference: ImageReference, _ key: String) throws(BerthError) -> PullTask {
    let fresh: PullTask
    do throws(Errno) { fresh = try PullTask() } catch { throw BerthError(.resourceExhausted, "pull image", key, cause: "\(error)") }
    let (task, isNew) = pulls.with { pulls -> (PullTask, Bool) in
      if let running = pulls[key] {
        running.state.with { $0.waiting += 1 }
        return (running, false)
      }
      fresh.state.with { $0.waiting += 1 }
      pulls[key] = fresh
      return (fresh, true)
    }
    guard isNew else { return task }
    do throws(Errno) {
      try NativeThread.startDetached { [self] in
        let outcome: Result<Image, BerthError>
        do throws(BerthError) { outcome = .success(try PullSession(self, reference, task).run()) } catch { outcome = .failure(error) }
        pulls.with { if $0[key] === task { $0[key] = nil } }
        task.state.with { $0.outcome = outcome }
      }
    } catch {
      pulls.with { $0[key] = nil }
      throw BerthError(.resourceExhausted, "pull image", key, cause: "\(error)")
    }
    return task
  }

  private func leave(_ task: PullTask, _ key: String, _ listener: Int) {
    let isAbandoned = pulls.with { pulls -> Bool in
      let left = task.state.with { state -> Int in
        state.waiting -= 1
        state.listeners[listener] = nil
        return state.outcome == nil ? state.waiting : 1
      }
      guard left == 0 else { return false }
      // Who comes now gets a pull of their own.
      if pulls[key] === task { pulls[key] = nil }
      return true
    }
    if isAbandoned { ChildChannel.signal(task.abandoned) }
  }
}
