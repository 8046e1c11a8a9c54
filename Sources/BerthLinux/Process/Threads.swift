import CBerthSys
import Glibc

/// Plain threads, for work that blocks in the kernel.
public enum Threads {
  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Starts a detached thread. `name` (15 bytes at most) is what `top -H` shows. The process's signals stay with the main thread.
  public static func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
    var all = sigset_t()
    var previous = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_BLOCK, &all, &previous)
    defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
    var thread = pthread_t()
    let context = Unmanaged.passRetained(Body(body)).toOpaque()
    let failed = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, context)
    precondition(failed == 0, "the kernel refuses a thread: \(Errno(failed))")
    _ = berth_thread_name(thread, String(name.prefix(15)))
    pthread_detach(thread)
  }
}

/// A first-in, first-out queue between threads: `pop` waits.
public final class BlockingQueue<Element: Sendable>: @unchecked Sendable {
  // Sendable by hand: every access to `items` holds `mutex`.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var items: [Element] = []
  private var head = 0

  public init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  public func push(_ element: sending Element) {
    pthread_mutex_lock(mutex)
    items.append(element)
    pthread_cond_signal(condition)
    pthread_mutex_unlock(mutex)
  }

  public func pop() -> Element {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while head == items.count { pthread_cond_wait(condition, mutex) }
    let element = items[head]
    head += 1
    if head == items.count || head > 1024 {
      items.removeFirst(head)
      head = 0
    }
    return element
  }
}
