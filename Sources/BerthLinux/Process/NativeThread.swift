import Glibc

/// A POSIX thread. For blocking work that must not stand on somebody else's thread.
public final class NativeThread: Sendable {
  private let id: pthread_t

  private init(id: pthread_t) { self.id = id }

  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// All signals are blocked in the new thread: they are for the threads that expect them. Join it exactly once.
  public static func start(_ body: @escaping @Sendable () -> Void) throws(Errno) -> NativeThread {
    var all = sigset_t()
    var old = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &old)
    defer { pthread_sigmask(SIG_SETMASK, &old, nil) }
    let box = Unmanaged.passRetained(Body(body))
    var id = pthread_t()
    let result = pthread_create(
      &id, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, box.toOpaque())
    guard result == 0 else {
      box.release()
      throw Errno(result)
    }
    return NativeThread(id: id)
  }

  /// As `start`, for a thread that nobody joins.
  public static func startDetached(_ body: @escaping @Sendable () -> Void) throws(Errno) { pthread_detach(try start(body).id) }

  /// Waits for the thread's end.
  public func join() { pthread_join(id, nil) }
}

/// A value under a lock, with a condition to wait for. Hold it for moments only, never across I/O.
public final class Monitor<Value>: @unchecked Sendable {
  // Checked by hand: `value` is touched with `mutex` held only.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var value: Value

  public init(_ value: sending Value) {
    self.value = value
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
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
}
