import Glibc

/// Signals of a daemon: taken by one thread, in order, never by a handler.
public enum Signals {
  public static let terminate = SIGTERM
  public static let interrupt = SIGINT
  public static let hangUp = SIGHUP

  /// Keeps them pending for `wait`. Call it before any thread is started: threads inherit it.
  public static func block(_ signals: [Int32]) {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// SIGPIPE: a peer went away, the write says so.
  public static func ignoreNuisances() { signal(SIGPIPE, SIG_IGN) }

  /// The next of the blocked `signals`. Blocks its thread.
  public static func wait(for signals: [Int32]) -> Int32 {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    var number: Int32 = 0
    while sigwait(&set, &number) != 0 {}
    return number
  }
}
