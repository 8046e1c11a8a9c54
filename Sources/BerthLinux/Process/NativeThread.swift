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
