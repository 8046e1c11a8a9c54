import BerthCore
import BerthLinux

/// A source that is read ahead by a thread of its own, a bounded number of bytes.
public final class ThreadedSource: LendingSource {
  private struct State {
    var filled: [Piece] = []
    var empty: [Piece] = []
    var end: Result<Void, BerthError>?
    var isAbandoned = false
  }
  /// A buffer with its bytes. One side has it at a time: the queues hand it over.
  private final class Piece: @unchecked Sendable {
    let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    var count = 0
    deinit { storage.deallocate() }
  }
  /// The thread's own until it was joined.
  private struct Upstream: @unchecked Sendable { let source: any ByteSource }

  private let state: Monitor<State>
  private var current: Piece?
  private var taken = 0

  private init() {
    var state = State()
    state.empty = (0..<4).map { _ in Piece() }
    self.state = Monitor(state)
  }

  /// Runs `body` with a source that hands out what `source` does, read by another thread, which has ended when this returns or throws.
  public static func pipe<Result>(
    _ source: any ByteSource, _ body: (ThreadedSource) throws(BerthError) -> Result
  ) throws(BerthError) -> Result {
    let pipe = ThreadedSource()
    let thread: NativeThread
    let (state, upstream) = (pipe.state, Upstream(source: source))
    do throws(Errno) { thread = try NativeThread.start { fill(state, from: upstream.source) } } catch {
      throw BerthError(.resourceExhausted, "start thread", cause: "\(error)")
    }
    defer {
      pipe.state.with { $0.isAbandoned = true }
      thread.join()
    }
    return try body(pipe)
  }

  private static func fill(_ state: Monitor<State>, from source: any ByteSource) {
    while true {
      let piece = state.wait { state -> Piece?? in
        if state.isAbandoned { return .some(nil) }
        return state.empty.popLast().map { .some($0) }
      }
      guard let piece else { return }
      do throws(BerthError) {
        piece.count = try source.read(into: piece.storage)
        let isEnd = piece.count == 0
        state.with { state in
          if isEnd { state.end = .success(()) } else { state.filled.append(piece) }
        }
        if isEnd { return }
      } catch {
        state.with { $0.end = .failure(error) }
        return
      }
    }
  }

  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(BerthError) -> Int {
    guard let piece = try advance() else { return 0 }
    let count = min(buffer.count, piece.count - taken)
    buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: piece.storage[taken..<taken + count]))
    taken += count
    return count
  }

  public func lend() throws(BerthError) -> UnsafeRawBufferPointer {
    guard let piece = try advance() else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    defer { taken = piece.count }
    return UnsafeRawBufferPointer(rebasing: piece.storage[taken..<piece.count])
  }

  /// The piece that has bytes left; nil at the end. One that has none goes back to be filled.
  private func advance() throws(BerthError) -> Piece? {
    if let current {
      if taken < current.count { return current }
      state.with { $0.empty.append(current) }
      self.current = nil
    }
    let next = state.wait { state -> Result<Piece?, BerthError>? in
      if !state.filled.isEmpty { return .success(state.filled.removeFirst()) }
      return state.end.map { end in end.map { nil } }
    }
    current = try next.get()
    taken = 0
    return current
  }
}
