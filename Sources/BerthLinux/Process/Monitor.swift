import BerthCore
import Glibc

/// A value under a lock, with a condition to wait for. Hold it for moments only, never across I/O.
public final class Monitor<Value>: @unchecked Sendable {
  // Checked by hand: `value` is touched with `mutex` held only.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var value: Value

  public init(_ value: sending Value) {
    self.value = value
    pthread_mutex_init(mutex, nil)
    // What ends a wait must not jump.
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Whom a change is of use to.
  public enum Wake { case all, one }

  /// Runs `body` on the value, and wakes those who wait for it: all, or one where any of them can do what is to be done, and only one.
  public func with<Result, Failure: Error>(waking wake: Wake = .all, _ body: (inout Value) throws(Failure) -> Result) throws(Failure)
    -> Result
  {
    pthread_mutex_lock(mutex)
    defer {
      // First unlocked: who is woken wants the lock.
      pthread_mutex_unlock(mutex)
      switch wake {
      case .all: pthread_cond_broadcast(condition)
      case .one: pthread_cond_signal(condition)
      }
    }
    return try body(&value)
  }

  /// Runs `body` on the value each time that somebody has changed it, until the result isn't nil.
  public func wait<Result>(_ body: (inout Value) -> Result?) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if let result = body(&value) { return result }
      pthread_cond_wait(condition, mutex)
    }
  }

  /// As `wait`, but no longer than `duration`; nil if it is over.
  public func wait<Result>(atMost duration: Duration, _ body: (inout Value) -> Result?) -> Result? {
    let end = Clock.monotonicNanoseconds() + max(0, duration.nanoseconds)
    var time = timespec(tv_sec: Int(end / 1_000_000_000), tv_nsec: Int(end % 1_000_000_000))
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if let result = body(&value) { return result }
      if pthread_cond_timedwait(condition, mutex, &time) == ETIMEDOUT { return nil }
    }
  }
}
