import CBerthSys
import Glibc

/// Threads that serve as long as the process lives.
public enum Threads {
  /// Starts one. `name` (15 bytes at most) is what `top -H` shows. A kernel that refuses a daemon's threads at its start ends the daemon.
  public static func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
    do throws(Errno) {
      try NativeThread.startDetached {
        _ = berth_thread_name(pthread_self(), String(name.prefix(15)))
        body()
      }
    } catch { preconditionFailure("the kernel refuses a thread: \(error)") }
  }
}

/// A first-in, first-out queue between threads: `pop` waits.
public final class BlockingQueue<Element: Sendable>: Sendable {
  private struct State {
    var items: [Element] = []
    /// Of the next one to be taken; those before it are gone.
    var head = 0
  }
  private let state = Monitor(State())

  public init() {}

  public func push(_ element: Element) { state.with(waking: .one) { $0.items.append(element) } }

  public func pop() -> Element {
    state.wait { state in
      guard state.head < state.items.count else { return nil }
      let element = state.items[state.head]
      state.head += 1
      if state.head == state.items.count || state.head > 1024 {
        state.items.removeFirst(state.head)
        state.head = 0
      }
      return element
    }
  }
}
